//! The local Gwop.
