//! Example programs of neural-codec; see the files beside this one, `../c` and `../python`.
