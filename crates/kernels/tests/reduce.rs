//! The deterministic sum against the rule as design.md states it.

#[macro_use]
mod common;

use common::{Guarded, Random, Real, exact_sum, rounded, same, tree_sum, widened};
use fused_loss_kernels::isa::{Isa, SUM_LANES};
use fused_loss_kernels::reduce::{self, BLOCK, Sum, combine};

per_token!(arrays, accumulated_runs);

fn lengths() -> impl Iterator<Item = usize> {
    let blocks = [1, 2, 3, 4, 5, 6, 7, 8, 11, 16, 21];
    let borders = blocks.map(|blocks| blocks * BLOCK);
    (0..=67)
        .chain([1023, 1024, 1025])
        .chain(borders.into_iter().flat_map(|n| [n - 1, n, n + 1, n + 5]))
}

/// Terms whose sum shows in its last bits the order in which they were added.
fn terms(n: usize) -> Vec<f64> {
    let mut random = Random(1);
    (0..n)
        .map(|_| random.between(-1.0, 1.0) * random.small())
        .collect()
}

fn longest() -> usize {
    lengths().max().expect("there are lengths")
}

#[test]
fn terms_tell_orders_apart() {
    let terms = terms(4096);
    let in_order: f64 = terms.iter().sum();
    let reversed: Vec<f64> = terms.iter().rev().copied().collect();
    assert_ne!(tree_sum(&terms), in_order);
    assert_ne!(tree_sum(&terms), tree_sum(&reversed));
}

#[test]
fn lanes_combine_in_the_stated_order() {
    for l in terms(800).as_chunks::<8>().0 {
        let want = ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]));
        assert_eq!(combine(*l), want);
    }
}

#[test]
fn no_terms_give_zero() {
    assert_eq!(Sum::default().total().to_bits(), 0);
}

#[test]
fn pushed_in_runs() {
    let terms = terms(longest());
    for n in lengths() {
        for run in [1, 7, 8, 24, 100, 5000] {
            let mut sum = Sum::default();
            let runs = terms[..n].chunks(run);
            runs.for_each(|run| sum.push_all::<fused_loss_kernels::isa::Scalar>(run));
            assert_eq!(sum.total(), tree_sum(&terms[..n]), "{n} terms by {run}");
        }
    }
}

#[test]
fn pushed() {
    let terms = terms(longest());
    for n in lengths() {
        let mut sum = Sum::default();
        terms[..n].iter().for_each(|&term| sum.push(term));
        assert_eq!(sum.total(), tree_sum(&terms[..n]), "{n} terms");
    }
}

/// Adds terms by groups of eight to the end of each run, and pushes the rest.
fn extended(terms: &[f64], mut run: impl FnMut() -> usize) -> f64 {
    let mut sum = Sum::default();
    let whole = terms.len() - terms.len() % SUM_LANES;
    let mut start = 0;
    while start < whole {
        let len = run().min(BLOCK - start % BLOCK).min(whole - start);
        sum.extend(len, |lanes| {
            for (i, term) in terms[start..start + len].iter().enumerate() {
                lanes[i % SUM_LANES] += term;
            }
        });
        start += len;
    }
    terms[whole..].iter().for_each(|&term| sum.push(term));
    sum.total()
}

#[test]
fn extended_by_runs() {
    let terms = terms(longest());
    let mut random = Random(2);
    for n in lengths() {
        let want = tree_sum(&terms[..n]);
        assert_eq!(extended(&terms[..n], || BLOCK), want, "{n}: blocks");
        assert_eq!(extended(&terms[..n], || 1024), want, "{n}: spans");
        let mut any = || SUM_LANES * (1 + random.below(300));
        assert_eq!(extended(&terms[..n], &mut any), want, "{n}: uneven runs");
    }
}

#[test]
fn a_last_run_may_be_short_of_a_group() {
    let terms = terms(67);
    for n in 0..=67 {
        let mut sum = Sum::default();
        sum.extend(n, |lanes| {
            for (i, term) in terms[..n].iter().enumerate() {
                lanes[i % SUM_LANES] += term;
            }
        });
        assert_eq!(sum.total(), tree_sum(&terms[..n]), "{n} terms");
    }
}

#[test]
fn close_to_exact() {
    // A lane adds 512 terms of a block in a row; the tree adds little to that.
    let terms = terms(longest());
    for n in lengths() {
        let size: f64 = terms[..n].iter().map(|x| x.abs()).sum();
        let error = tree_sum(&terms[..n]) - exact_sum(terms[..n].iter().copied());
        assert!(error.abs() <= 2f64.powi(-46) * size, "{n}: {error:e}");
    }
}

fn arrays<I: Isa>() {
    arrays_of::<I, f32>();
    arrays_of::<I, f64>();
}

fn arrays_of<I: Isa, T: Real>() {
    let values: Vec<T> = rounded(&terms(longest()));
    for n in lengths() {
        let mut memory = Guarded::holding(&values[..n]);
        // SAFETY: the memory holds n elements.
        let got = unsafe { reduce::sum::<I, T>(memory.ptr(), n) };
        let want = tree_sum(&widened(&values[..n]));
        assert!(same(got, want), "{} × {n}: {got:e}, want {want:e}", T::NAME);
    }
}

fn accumulated_runs<I: Isa>() {
    accumulated_runs_of::<I, f32>();
    accumulated_runs_of::<I, f64>();
}

fn accumulated_runs_of<I: Isa, T: Real>() {
    let values: Vec<T> = rounded(&terms(BLOCK));
    let start = [0.5, -1.25, 3e-7, 4.0, 1e9, -2.0, 0.0, 7.5];
    for n in (0..=72).step_by(SUM_LANES).chain([1024, BLOCK]) {
        let mut memory = Guarded::holding(&values[..n]);
        let (mut got, mut want) = (start, start);
        // SAFETY: the memory holds n elements, a multiple of eight.
        unsafe { reduce::accumulate::<I, T>(memory.ptr(), n, &mut got) };
        for (i, value) in values[..n].iter().enumerate() {
            want[i % SUM_LANES] += value.to_f64();
        }
        assert_eq!(got, want, "{} × {n}", T::NAME);
    }
}
