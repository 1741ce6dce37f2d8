"""Parallel work: processes, threads, and the engines that run jobs on this machine or a cluster."""
