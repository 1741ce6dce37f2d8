"""File formats of importers: tables of rows, JSON, pickle without code, TFRecord, archives."""
