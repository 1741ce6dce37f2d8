"""File formats that importers read: tables of rows, JSON, pickle without code, TFRecord, archives."""
