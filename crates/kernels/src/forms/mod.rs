//! What several losses have in common, once.

pub mod boxes;
pub mod focal;
pub mod similarity;
pub mod softmax_pair;
pub mod target_class;
