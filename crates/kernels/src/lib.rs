//! Loss kernels of fused-loss: value and gradient in one pass, generic over the instruction set,
//! with results that are the same bits whatever the instruction set, host or thread count.
//!
//! [`isa`] is the instruction set as a type, [`math`] the elementary functions, [`reduce`] the
//! deterministic sum, [`matrix`] the product of matrices, [`driver`] the loops over elements and rows,
//! [`losses`] one file a loss, and [`forms`] what several of them share.
#![no_std]
// For the pool; set-up builds it with RUSTC_BOOTSTRAP.
#![cfg_attr(target_feature = "atomics", feature(stdarch_wasm_atomic_wait))]
#![warn(missing_docs)]

pub mod driver;
pub mod forms;
pub mod isa;
pub mod losses;
pub mod math;
pub mod matrix;
pub mod reduce;
