"""The series store: Zarr v3 on disk, verified by checksums."""
