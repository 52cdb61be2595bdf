"""The prepared HDF5 files of the group's earlier study (Zenodo record 7737587)."""
