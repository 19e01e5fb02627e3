//! The only loops over elements and rows.

pub mod check;
pub mod parallel;
pub mod pointwise;
pub mod rowwise;
pub mod tile;
pub mod whole;
