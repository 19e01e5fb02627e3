//! The passes that find the first bad element or class index.

#[macro_use]
mod common;

use common::{BORDERS, Guarded, Real, rounded};
use fused_loss_kernels::driver::check::{self, Classes, Domain};
use fused_loss_kernels::isa::Isa;

per_token!(domains);

const DOMAINS: [Domain; 3] = [Domain::Unit, Domain::NonNegative, Domain::Sign];

fn good(domain: Domain) -> &'static [f64] {
    match domain {
        Domain::Unit => &[0.0, -0.0, 1.0, 0.5, 1e-300, f64::NAN],
        Domain::NonNegative => &[0.0, -0.0, 1e-300, 3.5, f64::INFINITY, f64::NAN],
        Domain::Sign => &[1.0, -1.0, f64::NAN],
    }
}

fn bad(domain: Domain) -> &'static [f64] {
    const ABOVE: f64 = 1.0 + f32::EPSILON as f64;
    const BELOW: f64 = 1.0 - f32::EPSILON as f64 / 2.0;
    match domain {
        Domain::Unit => &[-1e-40, ABOVE, -1.0, f64::INFINITY, f64::NEG_INFINITY],
        Domain::NonNegative => &[-1e-40, -1.0, f64::NEG_INFINITY],
        Domain::Sign => &[
            0.0,
            -0.0,
            0.5,
            -2.0,
            ABOVE,
            -ABOVE,
            BELOW,
            -BELOW,
            f64::INFINITY,
            f64::NEG_INFINITY,
        ],
    }
}

#[test]
fn codes() {
    assert_eq!(
        [0, 1, 2, 3, u32::MAX].map(Domain::from_code),
        [
            Some(Domain::Unit),
            Some(Domain::NonNegative),
            Some(Domain::Sign),
            None,
            None
        ],
    );
}

fn domains<I: Isa>() {
    for domain in DOMAINS {
        domains_of::<I, f32>(domain);
        domains_of::<I, f64>(domain);
    }
}

fn domains_of<I: Isa, T: Real>(domain: Domain) {
    let first = |values: &[T]| {
        let mut memory = Guarded::holding(values);
        // SAFETY: the memory holds the values.
        unsafe { check::domain::<I, T>(domain, memory.ptr(), values.len()) }
    };
    let what = |n: usize| format!("{domain:?} × {} × {n}", T::NAME);
    let (good, bad) = (good(domain), bad(domain));
    for n in (0..=67).chain(BORDERS) {
        let clean: Vec<f64> = (0..n).map(|i| good[i % good.len()]).collect();
        let clean: Vec<T> = rounded(&clean);
        assert_eq!(first(&clean), None, "{}", what(n));
        // At every position of a short array, at some of a long one.
        let step = if n > 67 { 61 } else { 1 };
        for at in (0..n).step_by(step).chain(n.checked_sub(1)) {
            let mut values = clean.clone();
            values[at] = T::from_f64(bad[(n + at) % bad.len()]);
            assert_eq!(first(&values), Some(at), "{}", what(n));
            // A later one, in the same vector or far away, is not the first.
            for later in [at + 1, at + 2, at + 5, (at + n) / 2, n - 1] {
                if later > at && later < n {
                    values[later] = T::from_f64(bad[later % bad.len()]);
                }
            }
            assert_eq!(
                first(&values),
                Some(at),
                "{}: the first of several",
                what(n)
            );
        }
    }
}

#[test]
fn every_bad_value_in_every_lane() {
    for domain in DOMAINS {
        for &value in bad(domain) {
            // Two steps of four vectors, and a tail.
            for at in 0..35 {
                let mut values = [good(domain)[0] as f32; 35];
                values[at] = value as f32;
                // SAFETY: as many elements.
                let got = unsafe {
                    check::domain::<common::Packed, f32>(domain, values.as_ptr(), values.len())
                };
                assert_eq!(got, Some(at), "{domain:?}: {value:e}");
            }
        }
    }
}

fn first_bad(index: &[i32], count: usize, ignore: Option<i32>) -> Option<usize> {
    let classes = Classes {
        index: index.as_ptr(),
        count,
        ignore,
    };
    // SAFETY: the index has that many rows.
    unsafe { classes.first_bad(index.len()) }
}

#[test]
fn classes() {
    for rows in (0..=67).chain(BORDERS) {
        let clean: Vec<i32> = (0..rows).map(|row| row as i32 % 10).collect();
        assert_eq!(first_bad(&clean, 10, None), None, "{rows} rows");
        let step = if rows > 67 { 61 } else { 1 };
        for at in (0..rows).step_by(step).chain(rows.checked_sub(1)) {
            for bad in [10, 11, -1, -100, i32::MAX, i32::MIN] {
                let mut index = clean.clone();
                index[at] = bad;
                assert_eq!(
                    first_bad(&index, 10, None),
                    Some(at),
                    "{bad} in {rows} rows"
                );
                assert_eq!(first_bad(&index, 10, Some(bad)), None, "{bad} ignored");
                index[rows - 1] = bad;
                assert_eq!(
                    first_bad(&index, 10, None),
                    Some(at),
                    "the first of several"
                );
            }
        }
    }
}

#[test]
fn ignored_rows_have_no_class() {
    let index = [3, -100, 0];
    let classes = |ignore| Classes {
        index: index.as_ptr(),
        count: 4,
        ignore,
    };
    let get = |ignore| {
        // SAFETY: the rows are in the index.
        [0, 1, 2].map(|row| unsafe { classes(ignore).get(row) })
    };
    assert_eq!(get(Some(-100)), [Some(3), None, Some(0)]);
    assert_eq!(get(Some(0))[2], None);
    assert_eq!(get(None)[0], Some(3));
    assert_eq!(first_bad(&index, 4, Some(0)), Some(1));
    assert_eq!(
        first_bad(&index, 0, Some(-100)),
        Some(0),
        "no classes at all"
    );
}
