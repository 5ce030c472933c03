"""The C++ processes of this host: found, started, watched and ended."""
