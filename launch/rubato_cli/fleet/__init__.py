"""The C++ processes: found, started, watched, ended, and what they tell on the way."""
