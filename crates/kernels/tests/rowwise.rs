//! The softmax losses and functions of rows against float64 formulas, in every layout of the classes.
//! All row losses go through tests/rows.rs; their formulas are in test/cases, for both builds.
//!
//! [`SCENARIOS`] names the ways of calling each, with an oracle that sees one row at a time and
//! nothing of layouts, tiles and reductions; those are the test's own and naive.

#[macro_use]
mod common;

use common::{
    Guarded, Random, Real, assert_close, assert_same, exact_sum, rounded, same, tree_sum, widened,
};
use core::any::TypeId;
use core::ptr::{null, null_mut};
use fused_loss_kernels::driver::check::Classes;
use fused_loss_kernels::driver::rowwise::{self, Call, Rowwise};
use fused_loss_kernels::driver::tile::Shape;
use fused_loss_kernels::isa::{Isa, Scalar};
use fused_loss_kernels::reduce::Sum;

per_token!(
    short_rows,
    long_rows,
    calls,
    layouts_agree,
    rows_stand_alone,
    ignored_rows,
    weights_of_zero,
    confident_rows,
    tied_rows,
    special_values,
    nan_beside_infinity,
    smoothed_masks,
    no_rows,
    row_sums,
);

// The losses.

/// A registered loss or function in one dtype and instruction set.
struct Loss<T> {
    name: &'static str,
    slots: usize,
    /// # Safety
    /// As `driver::rowwise::run`.
    run: unsafe fn(&[f64], &Call<T>) -> f64,
}

impl<T: Real> Loss<T> {
    fn new<I: Isa, L: Rowwise<T>>(name: &'static str) -> Self {
        Loss {
            name,
            slots: L::SLOTS,
            run: run::<I, T, L>,
        }
    }
}

/// # Safety
/// As `driver::rowwise::run`.
unsafe fn run<I: Isa, T: Real, L: Rowwise<T>>(options: &[f64], call: &Call<T>) -> f64 {
    // SAFETY: as the caller's.
    unsafe { rowwise::run::<I, T>(&L::new(options), call) }
}

macro_rules! entry {
    (rowwise $module:ident $loss:ident) => {
        Some(Loss::new::<I, fused_loss_kernels::losses::$module::$loss>(
            stringify!($module),
        ))
    };
    ($driver:ident $module:ident $loss:ident) => {
        None
    };
}

macro_rules! list {
    ($($driver:ident $module:ident :: $loss:ident;)*) => {
        fn losses<I: Isa, T: Real>() -> impl Iterator<Item = Loss<T>> {
            [$(entry!($driver $module $loss)),*].into_iter().flatten()
        }
    };
}

fused_loss_kernels::registry!(list);

fn find<I: Isa, T: Real>(name: &str) -> Loss<T> {
    losses::<I, T>()
        .find(|loss| loss.name == name)
        .unwrap_or_else(|| panic!("{name} is not registered"))
}

// The oracles.

/// A number and the error that the kernel is allowed in it, both for a scale of 1. Errors are in
/// units of the dtype's ε.
#[derive(Clone, Copy, Debug, Default)]
struct Estimate {
    value: f64,
    error: f64,
}

fn estimate(value: f64, error: f64) -> Estimate {
    Estimate { value, error }
}

/// A row as an oracle sees it.
struct Row<'a> {
    options: [f64; 3],
    x: &'a [f64],
    /// The second array: probability targets, or the gradient of an output.
    other: &'a [f64],
    class: usize,
    /// The class weights, ones where there are none.
    weight: &'a [f64],
    weighted: bool,
    /// What a float64 sum over the classes may be off by, in units of the dtype's ε.
    sum_error: f64,
}

/// What an oracle says of a row.
#[derive(Default)]
struct Answer {
    value: Estimate,
    /// The gradient of the input, or the output of a function.
    input: Vec<Estimate>,
    other: Vec<Estimate>,
    /// The row's terms of the gradient of the weight.
    weight: Vec<Estimate>,
}

/// The softmax of a row, with what rounding may do to it.
struct Softmax {
    /// The logits, capped.
    z: Vec<f64>,
    /// The errors of the capped logits.
    z_error: f64,
    max: f64,
    /// exp(z − max), and their relative errors.
    e: Vec<f64>,
    e_error: Vec<f64>,
    /// Σ e.
    sum: f64,
    /// ln Σ e.
    ln: Estimate,
}

impl Softmax {
    fn new(row: &Row, softcap: f64) -> Self {
        let x = row.x;
        let cap = |x: &f64| {
            if softcap > 0.0 {
                softcap * (x / softcap).tanh()
            } else {
                *x
            }
        };
        let z: Vec<f64> = x.iter().map(cap).collect();
        let max = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let top = z.iter().position(|&z| z == max).unwrap_or(0);
        let z_error = if softcap > 0.0 { 4.0 * softcap } else { 0.0 };
        let e: Vec<f64> = z.iter().map(|z| (z - max).exp()).collect();
        // The subtraction rounds by half a unit of its result.
        let e_error: Vec<f64> = z
            .iter()
            .map(|z| 1.5 + (z - max).abs().min(1e3) / 2.0 + z_error + row.sum_error)
            .collect();
        let others = || (0..e.len()).filter(|&c| c != top);
        let rest = exact_sum(others().map(|c| e[c]));
        let rest_error: f64 = others().map(|c| e[c] * e_error[c]).sum();
        let ln = estimate(rest.ln_1p(), rest_error / (1.0 + rest) + rest.ln_1p());
        Softmax {
            z,
            z_error,
            max,
            e,
            e_error,
            sum: 1.0 + rest,
            ln,
        }
    }

    /// e/Σ.
    fn p(&self, class: usize) -> Estimate {
        let p = self.e[class] / self.sum;
        estimate(p, p * (self.e_error[class] + self.ln.error + 1.5))
    }

    /// −ln p.
    fn nll(&self, class: usize) -> Estimate {
        let gap = self.max - self.z[class];
        estimate(
            gap + self.ln.value,
            gap.min(1e300) + self.ln.error + self.z_error,
        )
    }

    /// ln Σ exp z.
    fn lse(&self) -> Estimate {
        let size = self.max.abs() + self.ln.value;
        estimate(
            self.max + self.ln.value,
            size + self.ln.error + self.z_error,
        )
    }

    /// Σ e/Σ over the other classes: 1 − p.
    fn others(&self, class: usize) -> Estimate {
        let others = || (0..self.e.len()).filter(|&c| c != class);
        let value = exact_sum(others().map(|c| self.e[c])) / self.sum;
        let error: f64 = others().map(|c| self.p(c).error).sum();
        estimate(value, error + value)
    }

    /// The slopes of the cap.
    fn slope(&self, x: f64, softcap: f64) -> Estimate {
        if softcap > 0.0 {
            let u = x / softcap;
            let slope = u.cosh().powi(-2);
            estimate(slope, slope * (4.0 + 2.0 * u.abs().min(1e3)))
        } else {
            estimate(1.0, 0.0)
        }
    }
}

/// Σ of estimates with factors.
fn combine<const N: usize>(terms: [(f64, Estimate); N]) -> Estimate {
    let nonzero = || terms.iter().filter(|(factor, _)| *factor != 0.0);
    Estimate {
        value: nonzero().map(|(factor, of)| factor * of.value).sum(),
        error: nonzero()
            .map(|(factor, of)| factor.abs() * (of.error + of.value.abs()))
            .sum(),
    }
}

fn exactly(value: f64) -> Estimate {
    estimate(value, 0.0)
}

/// z·lse².
fn z_term(lse: Estimate) -> Estimate {
    estimate(lse.value * lse.value, 2.0 * lse.value.abs() * lse.error)
}

fn cross_entropy_of_index(row: &Row) -> Answer {
    let [eps, z, softcap] = row.options;
    let s = Softmax::new(row, softcap);
    let classes = row.x.len();
    let (y, w) = (row.class, row.weight[row.class]);
    let share = eps / classes as f64;
    let lse = s.lse();

    let smooth = (0..classes).fold(exactly(0.0), |sum, c| {
        combine([(1.0, sum), (row.weight[c], s.nll(c))])
    });
    let value = combine([
        (w * (1.0 - eps), s.nll(y)),
        (w * z, z_term(lse)),
        (share, smooth),
    ]);

    let total = exact_sum(row.weight.iter().copied());
    let input = (0..classes).map(|c| {
        // p − 1 at the target, as −(1 − p).
        let plain = if c == y {
            combine([(-1.0, s.others(y))])
        } else {
            s.p(c)
        };
        let pull = 2.0 * w * z * lse.value;
        let pull_error = 2.0 * w * z * lse.error * s.p(c).value;
        let gradient = combine([
            (w * (1.0 - eps), plain),
            (share * total, s.p(c)),
            (-share * row.weight[c], exactly(1.0)),
            (pull, s.p(c)),
            (1.0, estimate(0.0, pull_error)),
        ]);
        through(gradient, s.slope(row.x[c], softcap))
    });
    Answer {
        value,
        input: input.collect(),
        ..Answer::default()
    }
}

/// A gradient times a slope.
fn through(gradient: Estimate, slope: Estimate) -> Estimate {
    Estimate {
        value: gradient.value * slope.value,
        error: gradient.error * slope.value + gradient.value.abs() * slope.error,
    }
}

fn cross_entropy_of_distribution(row: &Row) -> Answer {
    let [eps, z, softcap] = row.options;
    let s = Softmax::new(row, softcap);
    let classes = row.x.len();
    let lse = s.lse();
    let t: Vec<f64> = row
        .other
        .iter()
        .map(|t| (1.0 - eps) * t + eps / classes as f64)
        .collect();
    let q: Vec<f64> = t.iter().zip(row.weight).map(|(t, w)| t * w).collect();
    let mass = exact_sum(q.iter().copied());

    let plain = (0..classes).fold(exactly(0.0), |sum, c| {
        combine([(1.0, sum), (q[c], s.nll(c))])
    });
    // zLoss is weighted like its row's term: not at all where there are no class weights.
    let z_weight = if row.weighted { z * mass } else { z };
    let value = combine([(1.0, plain), (z_weight, z_term(lse))]);
    let input = (0..classes).map(|c| {
        let p = s.p(c);
        let pull_error = 2.0 * z_weight * lse.error * p.value;
        // Beyond a half p may come as 1 − Σ of the others, whose rounding then is that of 1.
        let p = if p.value > 0.5 {
            estimate(p.value, s.others(c).error + 1.0 + row.sum_error)
        } else {
            p
        };
        let gradient = combine([
            (mass, p),
            (-q[c], exactly(1.0)),
            (2.0 * z_weight * lse.value, p),
            (1.0, estimate(0.0, pull_error)),
        ]);
        through(gradient, s.slope(row.x[c], softcap))
    });
    // What a target or a weight multiplies.
    let z_cost = if row.weighted { z } else { 0.0 };
    let cost = |c: usize| combine([(1.0, s.nll(c)), (z_cost, z_term(lse))]);
    Answer {
        value,
        input: input.collect(),
        other: (0..classes)
            .map(|c| combine([(row.weight[c] * (1.0 - eps), cost(c))]))
            .collect(),
        weight: (0..classes).map(|c| combine([(t[c], cost(c))])).collect(),
    }
}

fn nll(row: &Row) -> Answer {
    let w = row.weight[row.class];
    let gradient = |c| if c == row.class { -w } else { 0.0 };
    Answer {
        value: exactly(-w * row.x[row.class]),
        input: (0..row.x.len()).map(|c| exactly(gradient(c))).collect(),
        ..Answer::default()
    }
}

fn softmax(row: &Row) -> Answer {
    let s = Softmax::new(row, 0.0);
    Answer {
        input: (0..row.x.len()).map(|c| s.p(c)).collect(),
        ..Answer::default()
    }
}

/// p·(g − Σ p·g).
fn softmax_vjp(row: &Row) -> Answer {
    let s = Softmax::new(row, 0.0);
    let classes = 0..row.x.len();
    let dot = exact_sum(classes.clone().map(|c| s.p(c).value * row.other[c]));
    let dot_error: f64 = classes
        .clone()
        .map(|c| (s.p(c).error + s.p(c).value * (1.0 + row.sum_error)) * row.other[c].abs())
        .sum();
    let input = classes.map(|c| {
        let (p, g) = (s.p(c), row.other[c]);
        let difference = (g - dot).abs();
        estimate(
            p.value * (g - dot),
            p.error * difference + p.value * (dot_error + difference),
        )
    });
    Answer {
        input: input.collect(),
        ..Answer::default()
    }
}

fn log_softmax(row: &Row) -> Answer {
    let s = Softmax::new(row, 0.0);
    let input = (0..row.x.len()).map(|c| combine([(-1.0, s.nll(c))]));
    Answer {
        input: input.collect(),
        ..Answer::default()
    }
}

/// g − p·Σ g.
fn log_softmax_vjp(row: &Row) -> Answer {
    let s = Softmax::new(row, 0.0);
    let total = exact_sum(row.other.iter().copied());
    let size: f64 = row.other.iter().map(|g| g.abs()).sum();
    let input = (0..row.x.len()).map(|c| {
        let p = s.p(c);
        let error = p.error * total.abs() + p.value * (total.abs() + size * row.sum_error);
        estimate(row.other[c] - p.value * total, row.other[c].abs() + error)
    });
    Answer {
        input: input.collect(),
        ..Answer::default()
    }
}

fn log_sum_exp(row: &Row) -> Answer {
    let s = Softmax::new(row, 0.0);
    Answer {
        value: s.lse(),
        input: (0..row.x.len()).map(|c| s.p(c)).collect(),
        ..Answer::default()
    }
}

/// What a call reads beside the input.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Beside {
    Nothing,
    /// Class-index targets.
    Index,
    /// Probability targets.
    Distribution,
    /// The gradient of an output.
    Gradient,
}

/// A way of calling a loss.
#[derive(Clone, Copy)]
struct Scenario {
    loss: &'static str,
    options: &'static [f64],
    beside: Beside,
    weight: bool,
    oracle: fn(&Row) -> Answer,
}

const fn scenario(
    loss: &'static str,
    options: &'static [f64],
    beside: Beside,
    weight: bool,
    oracle: fn(&Row) -> Answer,
) -> Scenario {
    Scenario {
        loss,
        options,
        beside,
        weight,
        oracle,
    }
}

const CE: &str = "cross_entropy";

/// Options of cross-entropy: labelSmoothing, zLoss, softcap.
#[rustfmt::skip]
static SCENARIOS: &[Scenario] = &[
    scenario(CE, &[0.0, 0.0, 0.0], Beside::Index, false, cross_entropy_of_index),
    scenario(CE, &[0.0, 0.0, 0.0], Beside::Index, true, cross_entropy_of_index),
    scenario(CE, &[0.1, 0.0, 0.0], Beside::Index, false, cross_entropy_of_index),
    scenario(CE, &[0.1, 0.0, 0.0], Beside::Index, true, cross_entropy_of_index),
    scenario(CE, &[1.0, 0.0, 0.0], Beside::Index, true, cross_entropy_of_index),
    scenario(CE, &[0.0, 0.01, 0.0], Beside::Index, true, cross_entropy_of_index),
    scenario(CE, &[0.0, 0.0, 5.0], Beside::Index, false, cross_entropy_of_index),
    scenario(CE, &[0.1, 0.01, 5.0], Beside::Index, true, cross_entropy_of_index),
    scenario(CE, &[0.0, 0.0, 0.0], Beside::Distribution, false, cross_entropy_of_distribution),
    scenario(CE, &[0.0, 0.0, 0.0], Beside::Distribution, true, cross_entropy_of_distribution),
    scenario(CE, &[0.1, 0.0, 0.0], Beside::Distribution, true, cross_entropy_of_distribution),
    scenario(CE, &[0.0, 0.01, 0.0], Beside::Distribution, false, cross_entropy_of_distribution),
    scenario(CE, &[0.0, 0.01, 0.0], Beside::Distribution, true, cross_entropy_of_distribution),
    scenario(CE, &[0.0, 0.0, 5.0], Beside::Distribution, false, cross_entropy_of_distribution),
    scenario(CE, &[0.1, 0.01, 5.0], Beside::Distribution, true, cross_entropy_of_distribution),
    scenario("nll", &[], Beside::Index, false, nll),
    scenario("nll", &[], Beside::Index, true, nll),
    scenario("softmax", &[], Beside::Nothing, false, softmax),
    scenario("softmax", &[], Beside::Gradient, false, softmax_vjp),
    scenario("log_softmax", &[], Beside::Nothing, false, log_softmax),
    scenario("log_softmax", &[], Beside::Gradient, false, log_softmax_vjp),
    scenario("log_sum_exp", &[], Beside::Nothing, false, log_sum_exp),
];

impl Scenario {
    /// A function's output is no gradient: nothing scales or reduces it.
    fn is_function(&self) -> bool {
        self.loss.ends_with("softmax")
    }
    fn ask(&self) -> Ask {
        Ask {
            values: !self.is_function(),
            input: true,
            other: self.beside == Beside::Distribution,
            weight: self.beside == Beside::Distribution && self.weight,
            ..Ask::default()
        }
    }
    fn name<T: Real>(&self, shape: Shape) -> String {
        let weight = if self.weight { ", weight" } else { "" };
        format!(
            "{} {:?} {:?}{weight} × {} × {:?}",
            self.loss,
            self.options,
            self.beside,
            T::NAME,
            (shape.outer, shape.classes, shape.inner),
        )
    }
}

#[test]
fn every_scenario_is_of_a_loss() {
    let losses: Vec<_> = losses::<Scalar, f64>().collect();
    for scenario in SCENARIOS {
        let registered = losses.iter().any(|loss| loss.name == scenario.loss);
        assert!(registered, "{} is not registered", scenario.loss);
    }
}

// Data.

/// The arrays of a batch, row by row whatever the layout; [`Shape::position`] places them.
#[derive(Clone)]
struct Batch<T> {
    x: Vec<Vec<T>>,
    other: Vec<Vec<T>>,
    index: Vec<i32>,
    ignore: Option<i32>,
    weight: Vec<T>,
    grad_outputs: Vec<T>,
}

impl<T: Real> Batch<T> {
    /// Rows of all sorts: narrow, wide, with ties, confident, and with masks where they may be.
    fn new(scenario: &Scenario, shape: Shape) -> Self {
        let mut random = Random(shape.classes as u64 + 1000 * shape.rows() as u64);
        let classes = shape.classes;
        let mut batch = Batch {
            x: vec![],
            other: vec![],
            index: vec![],
            ignore: None,
            weight: (0..classes)
                .map(|c| {
                    T::from_f64(if c == 1 {
                        0.0
                    } else {
                        random.between(0.1, 2.0)
                    })
                })
                .collect(),
            grad_outputs: (0..shape.rows())
                .map(|_| T::from_f64(random.between(-2.0, 2.0)))
                .collect(),
        };
        for row in 0..shape.rows() {
            let target = random.below(classes);
            let mut x: Vec<f64> = (0..classes)
                .map(|_| match row % 5 {
                    0 => random.between(-30.0, 30.0),
                    1 => random.below(5) as f64 - 2.0,
                    _ => random.between(-4.0, 4.0),
                })
                .collect();
            let mut other: Vec<f64> = match scenario.beside {
                Beside::Gradient => (0..classes).map(|_| random.between(-1.0, 1.0)).collect(),
                _ => (0..classes).map(|_| random.unit()).collect(),
            };
            if scenario.beside == Beside::Distribution {
                for (c, t) in other.iter_mut().enumerate() {
                    let hot = row % 5 == 2;
                    if hot && c != target || random.below(3) == 0 {
                        *t = 0.0;
                    }
                }
                other[target] += 0.5;
                // Most add up to 1.
                let total: f64 = other.iter().sum::<f64>() * if row % 5 == 0 { 0.7 } else { 1.0 };
                other.iter_mut().for_each(|t| *t /= total);
            }
            match row % 5 {
                3 => x[target] += 20.0,
                4 if scenario
                    .options
                    .first()
                    .is_none_or(|&smoothing| smoothing == 0.0) =>
                {
                    for c in (0..classes).filter(|&c| c != target && c % 3 == 0) {
                        x[c] = f64::NEG_INFINITY;
                        if scenario.beside == Beside::Distribution {
                            other[c] = 0.0;
                        }
                    }
                }
                _ => {}
            }
            batch.x.push(rounded(&x));
            batch.other.push(rounded(&other));
            batch.index.push(target as i32);
        }
        if scenario.beside == Beside::Index {
            // Rows to leave out: none, or marked by a class, or by PyTorch's default.
            match shape.rows() % 3 {
                0 => batch.ignore = Some(0),
                1 => {
                    batch.ignore = Some(-100);
                    (2..shape.rows())
                        .step_by(4)
                        .for_each(|row| batch.index[row] = -100);
                }
                _ => {}
            }
        }
        batch
    }

    fn rows(&self) -> usize {
        self.x.len()
    }

    fn ignored(&self, row: usize) -> bool {
        self.ignore == Some(self.index[row])
    }
}

/// Rows to an array of a shape.
fn place<T: Real>(rows: &[Vec<T>], shape: Shape) -> Vec<T> {
    let mut array = vec![T::from_f64(0.0); shape.rows() * shape.classes];
    for (row, x) in rows.iter().enumerate() {
        for (class, &x) in x.iter().enumerate() {
            array[position(shape, row, class)] = x;
        }
    }
    array
}

/// An array of a shape to rows.
fn gather<T: Real>(array: &[T], shape: Shape) -> Vec<Vec<T>> {
    let element = |row, class| array[position(shape, row, class)];
    (0..shape.rows())
        .map(|row| {
            (0..shape.classes)
                .map(|class| element(row, class))
                .collect()
        })
        .collect()
}

/// Row r is (outer r / inner, inner r mod inner).
fn position(shape: Shape, row: usize, class: usize) -> usize {
    let (outer, inner) = (row / shape.inner, row % shape.inner);
    outer * shape.classes * shape.inner + class * shape.inner + inner
}

// Calls.

/// What a call asks for.
#[derive(Clone, Copy, Debug)]
struct Ask {
    /// A value for each row, 'none'.
    values: bool,
    input: bool,
    other: bool,
    weight: bool,
    /// Gradients go over what they differentiate.
    in_place: bool,
    divisor: Option<f64>,
    grad_output: f64,
    grad_outputs: bool,
}

impl Default for Ask {
    fn default() -> Self {
        Ask {
            values: false,
            input: false,
            other: false,
            weight: false,
            in_place: false,
            divisor: Some(1.0),
            grad_output: 1.0,
            grad_outputs: false,
        }
    }
}

/// What a call gives; rows of classes, and nothing where nothing was asked.
struct Given<T> {
    reduced: f64,
    values: Vec<T>,
    input: Vec<Vec<T>>,
    other: Vec<Vec<T>>,
    weight: Vec<T>,
}

impl<T: Real> Given<T> {
    fn assert_same(&self, want: &Self, what: impl Fn() -> String) {
        assert!(
            same(self.reduced, want.reduced),
            "{}: {:e}, want {:e}",
            what(),
            self.reduced,
            want.reduced,
        );
        self.assert_same_arrays(want, what);
    }
    fn assert_same_arrays(&self, want: &Self, what: impl Fn() -> String) {
        assert_same(&self.values, &want.values, || format!("{}: values", what()));
        assert_same(&self.input.concat(), &want.input.concat(), || {
            format!("{}: input", what())
        });
        assert_same(&self.other.concat(), &want.other.concat(), || {
            format!("{}: other", what())
        });
        assert_same(&self.weight, &want.weight, || format!("{}: weight", what()));
    }
}

/// An argument, and a gradient that may go over it.
struct Differentiated<T> {
    kept: Vec<T>,
    memory: Guarded<T>,
    gradient: Option<Guarded<T>>,
    over: bool,
}

impl<T: Real> Differentiated<T> {
    fn new(kept: Vec<T>, wanted: bool, in_place: bool) -> Self {
        Differentiated {
            memory: Guarded::holding(&kept),
            gradient: (wanted && !in_place).then(|| Guarded::blank(kept.len())),
            over: wanted && in_place,
            kept,
        }
    }
    /// Addresses of the argument and of the gradient.
    fn ptrs(&mut self) -> (*const T, *mut T) {
        let data = self.memory.ptr();
        match &mut self.gradient {
            Some(gradient) => (data, gradient.ptr()),
            None => (data, if self.over { data } else { null_mut() }),
        }
    }
    /// The gradient, if there is one; the argument has to be as it was otherwise.
    fn checked(self, what: impl Fn() -> String) -> Vec<T> {
        let memory = self.memory.checked(&what);
        if self.over {
            return memory;
        }
        assert_same(&memory, &self.kept, || {
            format!("{}: an input was written", what())
        });
        self.gradient
            .map_or(vec![], |gradient| gradient.checked(what))
    }
}

/// Calls a loss on a batch in a layout.
fn call<T: Real>(
    loss: &Loss<T>,
    scenario: &Scenario,
    batch: &Batch<T>,
    shape: Shape,
    ask: &Ask,
) -> Given<T> {
    let what = || format!("{}: {ask:?}", scenario.name::<T>(shape));
    assert_eq!(shape.rows(), batch.rows());
    let other = match scenario.beside {
        Beside::Distribution | Beside::Gradient => place(&batch.other, shape),
        _ => vec![],
    };
    let weight = if scenario.weight {
        batch.weight.clone()
    } else {
        vec![]
    };
    let mut input = Differentiated::new(place(&batch.x, shape), ask.input, ask.in_place);
    let mut other = Differentiated::new(other, ask.other, ask.in_place);
    let mut weight = Differentiated::new(weight, ask.weight, ask.in_place);
    let mut grad_outputs = Guarded::holding(&batch.grad_outputs);
    let mut values = Guarded::blank(if ask.values { shape.rows() } else { 0 });
    let mut scratch = Guarded::blank(shape.scratch(loss.slots) as usize);
    let mut class_sums = vec![Sum::default(); if ask.weight { shape.classes } else { 0 }];

    let (x, input_grad) = input.ptrs();
    let mut call = Call::new(shape, x, scratch.ptr());
    call.input_grad = input_grad;
    if !other.kept.is_empty() {
        (call.other, call.other_grad) = other.ptrs();
    }
    if !weight.kept.is_empty() {
        (call.weight, call.weight_grad) = weight.ptrs();
        call.class_sums = class_sums.as_mut_ptr();
    }
    if scenario.beside == Beside::Index {
        call.classes = Classes {
            index: batch.index.as_ptr(),
            count: shape.classes,
            ignore: batch.ignore,
        };
    }
    call.divisor = ask.divisor;
    call.grad_output = ask.grad_output;
    call.grad_outputs = if ask.grad_outputs {
        grad_outputs.ptr()
    } else {
        null()
    };
    call.values = if ask.values { values.ptr() } else { null_mut() };
    // SAFETY: arrays are of the shape, outputs overlap what they differentiate or nothing, and the
    // classes are below the number of classes.
    let reduced = unsafe { (loss.run)(scenario.options, &call) };

    scratch.checked(|| format!("{}: scratch", what()));
    Given {
        reduced,
        values: values.checked(|| format!("{}: values", what())),
        input: rows_of(input.checked(|| format!("{}: input", what())), shape),
        other: rows_of(other.checked(|| format!("{}: other", what())), shape),
        weight: weight.checked(|| format!("{}: weight", what())),
    }
}

fn rows_of<T: Real>(array: Vec<T>, shape: Shape) -> Vec<Vec<T>> {
    if array.is_empty() {
        vec![]
    } else {
        gather(&array, shape)
    }
}

// Against the oracles.

/// Each row's answer.
fn answers<T: Real>(scenario: &Scenario, batch: &Batch<T>) -> Vec<Option<Answer>> {
    let classes = batch.weight.len();
    let options = core::array::from_fn(|k| {
        scenario
            .options
            .get(k)
            .map_or(0.0, |&x| T::from_f64(x).to_f64())
    });
    let weight = if scenario.weight {
        widened(&batch.weight)
    } else {
        vec![1.0; classes]
    };
    let answer = |row: usize| {
        (scenario.oracle)(&Row {
            options,
            x: &widened(&batch.x[row]),
            other: &widened(&batch.other[row]),
            class: batch.index[row] as usize,
            weight: &weight,
            weighted: scenario.weight,
            sum_error: classes as f64 / 2.0 * f64::EPSILON / T::UNIT,
        })
    };
    (0..batch.rows())
        .map(|row| (!batch.ignored(row)).then(|| answer(row)))
        .collect()
}

/// Asserts that a number is an estimate times a scale, within the error that the estimate allows.
fn assert_scaled<T: Real>(got: T, of: Estimate, scale: f64, what: impl Fn() -> String) {
    // The product rounds, and so does the scale itself.
    let error = (of.error + 2.0 * of.value.abs()) * scale.abs();
    assert_close(got, of.value * scale, error, 1.0, what);
}

/// Holds a call to the oracles' answers.
fn compare<T: Real>(
    scenario: &Scenario,
    batch: &Batch<T>,
    answers: &[Option<Answer>],
    shape: Shape,
    ask: &Ask,
    given: &Given<T>,
) {
    let what = |part: String| format!("{}: {part} of {ask:?}", scenario.name::<T>(shape));
    let weight_of = |row: usize| {
        let class = batch.index[row] as usize;
        if scenario.weight {
            batch.weight[class].to_f64()
        } else {
            1.0
        }
    };
    let divisor = ask.divisor.unwrap_or_else(|| {
        let counted = (0..batch.rows()).filter(|&row| !batch.ignored(row));
        exact_sum(counted.map(weight_of))
    });
    if divisor == 0.0 {
        // Quotients by 0: `ignored_rows` and `weights_of_zero` say what they are.
        return;
    }
    let scale = |row: usize| match (scenario.is_function(), ask.grad_outputs) {
        (true, _) => 1.0,
        (_, true) => batch.grad_outputs[row].to_f64(),
        _ => ask.grad_output / divisor,
    };
    let nothing = Answer {
        input: vec![Estimate::default(); shape.classes],
        ..Answer::default()
    };
    let rows = || {
        answers
            .iter()
            .map(|answer| answer.as_ref().unwrap_or(&nothing))
            .enumerate()
    };

    if ask.values {
        for (row, answer) in rows() {
            let of = answer.value;
            assert_scaled(given.values[row], of, 1.0, || what(format!("value {row}")));
        }
    } else if !scenario.is_function() {
        let want = exact_sum(rows().map(|(_, answer)| answer.value.value)) / divisor;
        let error: f64 = rows()
            .map(|(_, a)| a.value.error + 2.0 * a.value.value.abs())
            .sum();
        let error = error / divisor * T::UNIT;
        let close = (given.reduced - want).abs() <= error
            || given.reduced == want
            || given.reduced.is_nan() && want.is_nan();
        assert!(
            close,
            "{}: {:e}, want {want:e}",
            what("sum".into()),
            given.reduced
        );
    }
    for (row, answer) in rows() {
        let pairs = [
            ("input", &given.input, &answer.input),
            ("other", &given.other, &answer.other),
        ];
        for (name, given, wanted) in pairs {
            let Some(given) = given.get(row) else {
                continue;
            };
            for (class, &want) in wanted.iter().enumerate() {
                assert_scaled(given[class], want, scale(row), || {
                    what(format!("{name} ({row}, {class})"))
                });
            }
        }
    }
    for (class, &got) in given.weight.iter().enumerate() {
        let (mut value, mut error) = (0.0, 0.0);
        for (row, answer) in rows() {
            let of = answer.weight[class];
            value += of.value * scale(row);
            error += (of.error + of.value.abs()) * scale(row).abs();
        }
        assert_scaled(got, estimate(value, error), 1.0, || {
            what(format!("weight {class}"))
        });
    }
}

/// Every part of an answer against the oracle, in one call.
fn verify<I: Isa, T: Real>(scenario: &Scenario, shape: Shape) {
    let loss = find::<I, T>(scenario.loss);
    let batch = Batch::new(scenario, shape);
    let ask = scenario.ask();
    let given = call(&loss, scenario, &batch, shape, &ask);
    compare(
        scenario,
        &batch,
        &answers(scenario, &batch),
        shape,
        &ask,
        &given,
    );
    if TypeId::of::<I>() == TypeId::of::<Scalar>() {
        return;
    }
    // The same bits whatever the token.
    let scalar = find::<Scalar, T>(scenario.loss);
    let scalar = call(&scalar, scenario, &batch, shape, &ask);
    given.assert_same(&scalar, || format!("{}: tokens", scenario.name::<T>(shape)));
}

const CLASSES: [usize; 11] = [1, 2, 3, 7, 8, 9, 31, 32, 33, 67, 100];

/// (outer, inner): one row, a few, more than a tile; strided, of too few rows to be swept in
/// place, of just enough, and of some that are left over.
const ROWS: [(usize, usize); 8] = [
    (1, 1),
    (5, 1),
    (150, 1),
    (2, 3),
    (2, 8),
    (3, 21),
    (1, 128),
    (2, 131),
];

fn shape((outer, inner): (usize, usize), classes: usize) -> Shape {
    Shape {
        outer,
        classes,
        inner,
    }
}

fn short_rows<I: Isa>() {
    for classes in CLASSES {
        for rows in ROWS {
            for scenario in SCENARIOS {
                verify::<I, f32>(scenario, shape(rows, classes));
                verify::<I, f64>(scenario, shape(rows, classes));
            }
        }
    }
}

fn long_rows<I: Isa>() {
    for classes in [1000, 4096, 4099, 5000] {
        for rows in [(2, 1), (1, 2), (1, 9)] {
            for scenario in SCENARIOS {
                verify::<I, f32>(scenario, shape(rows, classes));
                verify::<I, f64>(scenario, shape(rows, classes));
            }
        }
    }
}

fn calls<I: Isa>() {
    for classes in [1, 2, 10, 32, 67] {
        for rows in [(5, 1), (150, 1), (2, 3), (2, 8), (1, 21)] {
            for scenario in SCENARIOS {
                calls_of::<I, f32>(scenario, shape(rows, classes));
                calls_of::<I, f64>(scenario, shape(rows, classes));
            }
        }
    }
}

/// Reductions, outputs and places: what changes the arithmetic against the oracle, what must not
/// against the plain call.
fn calls_of<I: Isa, T: Real>(scenario: &Scenario, shape: Shape) {
    let loss = find::<I, T>(scenario.loss);
    let batch = Batch::<T>::new(scenario, shape);
    let name = |what: &str| format!("{}: {what}", scenario.name::<T>(shape));
    let call = |ask: &Ask| call(&loss, scenario, &batch, shape, ask);
    let all = scenario.ask();
    let plain = call(&all);

    call(&Ask {
        in_place: true,
        ..all
    })
    .assert_same(&plain, || name("in place"));
    if scenario.is_function() {
        return;
    }
    let none = Ask {
        values: true,
        ..Ask::default()
    };
    assert_same(&call(&none).values, &plain.values, || name("values alone"));

    let answers = answers(scenario, &batch);
    let rows = Some(batch.rows() as f64);
    let mean = if scenario.beside == Beside::Index {
        None
    } else {
        rows
    };
    let asks = [
        Ask {
            divisor: mean,
            ..all
        },
        Ask {
            divisor: mean,
            grad_output: -0.3,
            ..all
        },
        Ask {
            divisor: Some(3.5),
            ..all
        },
        all,
    ];
    for ask in asks.map(|ask| Ask {
        values: false,
        ..ask
    }) {
        let given = call(&ask);
        compare(scenario, &batch, &answers, shape, &ask, &given);
        let alone = call(&Ask {
            divisor: ask.divisor,
            ..Ask::default()
        });
        assert!(
            same(alone.reduced, given.reduced),
            "{}",
            name("the reduced value alone")
        );
        for part in 0..3 {
            let (input, other, weight) = (part == 0, part == 1, part == 2);
            let some = Ask {
                input,
                other: ask.other && other,
                weight: ask.weight && weight,
                ..ask
            };
            let some = call(&some);
            let [want_input, want_other] = [(input, &given.input), (other, &given.other)]
                .map(|(asked, rows)| if asked { rows.concat() } else { vec![] });
            let want_weight = if weight { &given.weight[..] } else { &[] };
            assert_same(&some.input.concat(), &want_input, || {
                name("the input's gradient alone")
            });
            assert_same(&some.other.concat(), &want_other, || {
                name("the target's gradient alone")
            });
            assert_same(&some.weight, want_weight, || {
                name("the weight's gradient alone")
            });
        }
        call(&Ask {
            in_place: true,
            ..ask
        })
        .assert_same(&given, || name("in place, reduced"));
        if T::NAME == "f64" {
            // The terms are what 'none' gives, and their sum is the one rule's.
            let divisor = ask.divisor.unwrap_or_else(|| {
                let weight_of = |row: usize| match batch.ignored(row) {
                    true => 0.0,
                    false if scenario.weight => batch.weight[batch.index[row] as usize].to_f64(),
                    false => 1.0,
                };
                let sum = tree_sum(&(0..batch.rows()).map(weight_of).collect::<Vec<f64>>());
                if sum == 0.0 { f64::NAN } else { sum }
            });
            let want = tree_sum(&widened(&plain.values)) / divisor;
            assert!(same(given.reduced, want), "{}", name("the sum's order"));
        }
    }
    let ask = Ask {
        grad_outputs: true,
        ..all
    };
    let given = call(&ask);
    compare(scenario, &batch, &answers, shape, &ask, &given);
    call(&Ask {
        in_place: true,
        ..ask
    })
    .assert_same(&given, || name("in place, grad_outputs"));
}

fn layouts_agree<I: Isa>() {
    for scenario in SCENARIOS {
        layouts_of::<I, f32>(scenario);
        layouts_of::<I, f64>(scenario);
    }
}

/// Strided rows run over their classes in order, wherever they lie.
fn layouts_of<I: Isa, T: Real>(scenario: &Scenario) {
    let loss = find::<I, T>(scenario.loss);
    for classes in [2, 9, 31, 67, 300] {
        let of = |outer, inner| shape((outer, inner), classes);
        let batch = Batch::<T>::new(scenario, of(1, 48));
        let ask = Ask {
            grad_outputs: true,
            ..scenario.ask()
        };
        let want = call(&loss, scenario, &batch, of(1, 48), &ask);
        let contiguous = (classes < 32).then_some((48, 1));
        let strided = [(24, 2), (16, 3), (6, 8), (4, 12), (3, 16), (2, 24)];
        for (outer, inner) in strided.into_iter().chain(contiguous) {
            let given = call(&loss, scenario, &batch, of(outer, inner), &ask);
            given.assert_same(&want, || scenario.name::<T>(of(outer, inner)));
        }
    }
}

fn rows_stand_alone<I: Isa>() {
    for scenario in SCENARIOS {
        rows_of_batch::<I, f32>(scenario);
        rows_of_batch::<I, f64>(scenario);
    }
}

/// A row's value and gradients are the same in any batch, so that rows may be split anywhere.
fn rows_of_batch<I: Isa, T: Real>(scenario: &Scenario) {
    let loss = find::<I, T>(scenario.loss);
    for (classes, inner) in [
        (3, 1),
        (31, 1),
        (32, 1),
        (67, 1),
        (1000, 1),
        (9, 3),
        (40, 11),
    ] {
        let outer = if classes > 100 { 11 } else { 150 };
        let whole = shape((outer, inner), classes);
        let ask = Ask {
            grad_outputs: true,
            weight: false,
            ..scenario.ask()
        };
        let batch = Batch::<T>::new(scenario, whole);
        let want = call(&loss, scenario, &batch, whole, &ask);
        for (from, to) in [(0, 1), (0, 9), (3, 4), (7, outer), (outer - 1, outer)] {
            let rows = from * inner..to * inner;
            let part = Batch {
                x: batch.x[rows.clone()].to_vec(),
                other: batch.other[rows.clone()].to_vec(),
                index: batch.index[rows.clone()].to_vec(),
                grad_outputs: batch.grad_outputs[rows.clone()].to_vec(),
                ..batch.clone()
            };
            let given = call(
                &loss,
                scenario,
                &part,
                shape((to - from, inner), classes),
                &ask,
            );
            let slice = |x: &[Vec<T>]| x.get(rows.clone()).map_or(vec![], |x| x.to_vec());
            let want = Given {
                reduced: 0.0,
                values: want.values.get(rows.clone()).map_or(vec![], |x| x.to_vec()),
                input: slice(&want.input),
                other: slice(&want.other),
                weight: vec![],
            };
            given.assert_same_arrays(&want, || {
                format!("{}: rows {rows:?}", scenario.name::<T>(whole))
            });
        }
    }
}

// What semantics.md says of single cases.

/// Shapes that take each way through the driver.
const WAYS: [(usize, usize, usize); 6] = [
    (9, 3, 1),
    (9, 40, 1),
    (3, 5, 3),
    (1, 5, 16),
    (2, 40, 21),
    (2, 4099, 1),
];

fn ways() -> impl Iterator<Item = Shape> {
    WAYS.into_iter().map(|(outer, classes, inner)| Shape {
        outer,
        classes,
        inner,
    })
}

fn ignored_rows<I: Isa>() {
    let scenarios = || {
        SCENARIOS
            .iter()
            .filter(|scenario| scenario.beside == Beside::Index)
    };
    for scenario in scenarios() {
        for shape in ways() {
            ignored_rows_of::<I, f32>(scenario, shape);
            ignored_rows_of::<I, f64>(scenario, shape);
        }
    }
}

/// An ignored row costs exactly 0 and has a gradient of exactly 0, whatever its logits. With all
/// ignored, the value is NaN and the gradient still 0.
fn ignored_rows_of<I: Isa, T: Real>(scenario: &Scenario, shape: Shape) {
    let loss = find::<I, T>(scenario.loss);
    let name = || scenario.name::<T>(shape);
    let zeros = vec![T::from_f64(0.0); shape.classes];
    let mut batch = Batch::<T>::new(scenario, shape);
    batch.ignore = Some(-100);
    let clean = batch.clone();
    for row in (0..batch.rows()).step_by(2) {
        batch.index[row] = -100;
        let poison = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
        for (class, x) in batch.x[row].iter_mut().enumerate() {
            *x = T::from_f64(poison[(class + row) % 3]);
        }
    }
    for ask in [
        Ask {
            values: true,
            ..scenario.ask()
        },
        Ask {
            divisor: None,
            values: false,
            ..scenario.ask()
        },
    ] {
        for in_place in [false, true] {
            let ask = Ask { in_place, ..ask };
            let given = call(&loss, scenario, &batch, shape, &ask);
            compare(
                scenario,
                &batch,
                &answers(scenario, &batch),
                shape,
                &ask,
                &given,
            );
            for row in (0..batch.rows()).step_by(2) {
                // Zero, and not its negative.
                assert_same(&given.input[row], &zeros, || {
                    format!("{}: row {row}", name())
                });
                if ask.values {
                    assert_eq!(given.values[row].to_f64(), 0.0, "{}: row {row}", name());
                }
            }
        }
    }
    // Nor does it change the others: a mean is that of the rows which count.
    let rest: Vec<usize> = (1..batch.rows()).step_by(2).collect();
    if shape.inner == 1 {
        let part = Batch {
            x: rest.iter().map(|&row| clean.x[row].clone()).collect(),
            other: rest.iter().map(|&row| clean.other[row].clone()).collect(),
            index: rest.iter().map(|&row| clean.index[row]).collect(),
            grad_outputs: rest.iter().map(|&row| clean.grad_outputs[row]).collect(),
            ..clean.clone()
        };
        let ask = Ask {
            divisor: None,
            values: false,
            ..scenario.ask()
        };
        let given = call(&loss, scenario, &batch, shape, &ask);
        let fewer = Shape {
            outer: rest.len(),
            ..shape
        };
        let want = call(&loss, scenario, &part, fewer, &ask);
        let error = (given.reduced - want.reduced).abs();
        assert!(
            error <= 1e-14 * want.reduced.abs(),
            "{}: mean of the rest",
            name()
        );
    }

    batch.index.fill(-100);
    for (divisor, reduced) in [(None, f64::NAN), (Some(1.0), 0.0), (Some(7.0), 0.0)] {
        for in_place in [false, true] {
            let ask = Ask {
                divisor,
                in_place,
                values: false,
                ..scenario.ask()
            };
            let given = call(&loss, scenario, &batch, shape, &ask);
            assert!(
                same(given.reduced, reduced),
                "{}: all ignored, {divisor:?}",
                name()
            );
            for row in &given.input {
                assert_same(row, &zeros, || {
                    format!("{}: all ignored, {divisor:?}", name())
                });
            }
        }
    }
}

fn weights_of_zero<I: Isa>() {
    let scenarios = || {
        SCENARIOS
            .iter()
            .filter(|s| s.beside == Beside::Index && s.weight)
    };
    for scenario in scenarios() {
        for shape in ways() {
            weights_of_zero_of::<I, f32>(scenario, shape);
            weights_of_zero_of::<I, f64>(scenario, shape);
        }
    }
}

/// Where all present classes have weight 0, both the mean and its gradient are NaN.
fn weights_of_zero_of<I: Isa, T: Real>(scenario: &Scenario, shape: Shape) {
    let loss = find::<I, T>(scenario.loss);
    let mut batch = Batch::<T>::new(scenario, shape);
    batch.ignore = None;
    batch.index.fill(1);
    let ask = Ask {
        divisor: None,
        values: false,
        ..scenario.ask()
    };
    let given = call(&loss, scenario, &batch, shape, &ask);
    let name = || scenario.name::<T>(shape);
    let smoothed = scenario.options.first().is_some_and(|&eps| eps > 0.0);
    if smoothed {
        // The smoothing's share is positive, and divided by 0 it is infinite.
        assert!(!given.reduced.is_finite(), "{}: {}", name(), given.reduced);
    } else {
        assert!(given.reduced.is_nan(), "{}: {}", name(), given.reduced);
    }
    for (row, gradient) in given.input.iter().enumerate() {
        let at = gradient[1].to_f64();
        assert!(!at.is_finite(), "{}: gradient of row {row} is {at}", name());
    }
}

fn confident_rows<I: Isa>() {
    for shape in ways().chain(
        [(1, 2, 1), (2, 2, 8), (1, 100, 1)].map(|(outer, classes, inner)| Shape {
            outer,
            classes,
            inner,
        }),
    ) {
        confident_rows_of::<I, f32>(shape);
        confident_rows_of::<I, f64>(shape);
    }
}

/// With the target ahead by m, the loss is ln(1 + (C − 1)·e⁻ᵐ) and its gradient at the target
/// −(C − 1)·e⁻ᵐ/Σ, to four units and not to 0.
fn confident_rows_of<I: Isa, T: Real>(shape: Shape) {
    for margin in [15.0f64, 40.0, 80.0] {
        let others = (shape.classes - 1) as f64 * (-margin).exp();
        let (value, at) = (others.ln_1p(), others / (1.0 + others));
        // Float64 sums of many equal terms in class order lose a little.
        let bound = 4.0 + shape.classes as f64 * f64::EPSILON / T::UNIT / 16.0;
        for scenario in SCENARIOS {
            let smoothed = scenario.options.iter().any(|&option| option > 0.0);
            if scenario.weight || smoothed || scenario.beside == Beside::Gradient {
                continue;
            }
            let loss = find::<I, T>(scenario.loss);
            let mut batch = Batch::<T>::new(scenario, shape);
            batch.ignore = None;
            for row in 0..batch.rows() {
                let target = (7 * row + 1) % shape.classes;
                let lead = |class| if class == target { margin } else { 0.0 };
                let hot = |class| if class == target { 1.0 } else { 0.0 };
                // The target is the maximum, of any sign.
                let base = row as f64 - 4.0;
                batch.index[row] = target as i32;
                batch.x[row] = (0..shape.classes)
                    .map(|c| T::from_f64(base + lead(c)))
                    .collect();
                batch.other[row] = (0..shape.classes).map(|c| T::from_f64(hot(c))).collect();
            }
            let given = call(&loss, scenario, &batch, shape, &scenario.ask());
            let what = |row| {
                format!(
                    "{}: row {row} at margin {margin}",
                    scenario.name::<T>(shape)
                )
            };
            for row in 0..batch.rows() {
                let target = batch.index[row] as usize;
                let got = given.input[row][target];
                match scenario.loss {
                    "cross_entropy" => {
                        assert_close(given.values[row], value, value, bound, || what(row));
                        assert_close(got, -at, at, bound, || what(row));
                    }
                    "log_softmax" => assert_close(got, -value, value, bound, || what(row)),
                    _ => {}
                }
            }
        }
    }
}

fn tied_rows<I: Isa>() {
    for shape in ways() {
        tied_rows_of::<I, f32>(shape);
        tied_rows_of::<I, f64>(shape);
    }
}

/// With all logits equal, as those of a network that starts from zeros, every p is 1/C: the
/// gradient at the classes that are not the target, to four units and not to four of 1.
fn tied_rows_of<I: Isa, T: Real>(shape: Shape) {
    for scenario in SCENARIOS {
        let smoothed = scenario.options.iter().any(|&option| option > 0.0);
        if scenario.loss != CE || scenario.weight || smoothed {
            continue;
        }
        let loss = find::<I, T>(scenario.loss);
        let mut batch = Batch::<T>::new(scenario, shape);
        batch.ignore = None;
        batch.index.fill(2);
        for row in 0..batch.rows() {
            batch.x[row].fill(T::from_f64(0.25));
            batch.other[row].fill(T::from_f64(0.0));
            batch.other[row][2] = T::from_f64(1.0);
        }
        let given = call(&loss, scenario, &batch, shape, &scenario.ask());
        let p = 1.0 / shape.classes as f64;
        for (row, gradient) in given.input.iter().enumerate() {
            for (class, &got) in gradient.iter().enumerate() {
                let want = if class == 2 { p - 1.0 } else { p };
                assert_close(got, want, want.abs(), 4.0, || {
                    format!("{}: ({row}, {class})", scenario.name::<T>(shape))
                });
            }
        }
    }
}

fn special_values<I: Isa>() {
    special_values_of::<I, f32>();
    special_values_of::<I, f64>();
}

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;

/// Masks, infinities and NaN in rows among others, which they do not touch.
fn special_values_of<I: Isa, T: Real>() {
    // Logits before masks and a last class, which is 0 and the target; ln Σ exp, and the loss.
    let third = 1.0f64.exp().ln_1p();
    let cases: [([f64; 2], f64, f64); 8] = [
        ([-INF, -INF], 0.0, 0.0),
        ([1.0, -INF], third, third),
        ([1000.0, -1000.0], 1000.0, 1000.0),
        ([NAN, 1.0], NAN, NAN),
        ([NAN, NAN], NAN, NAN),
        ([INF, 1.0], INF, NAN),
        ([INF, INF], INF, NAN),
        ([INF, -INF], INF, NAN),
    ];
    for shape in ways() {
        for (logits, lse, loss) in cases {
            special_row::<I, T>(shape, &row_of(shape, logits, 0.0), lse, loss);
        }
        special_row::<I, T>(shape, &vec![-INF; shape.classes], -INF, NAN);
        special_row::<I, T>(shape, &vec![INF; shape.classes], INF, NAN);
    }
}

/// Two logits, masks, and a last one.
fn row_of(shape: Shape, [a, b]: [f64; 2], last: f64) -> Vec<f64> {
    let mut x = vec![-INF; shape.classes];
    (x[0], x[1], x[shape.classes - 1]) = (a, b, last);
    x
}

fn nan_beside_infinity<I: Isa>() {
    for shape in ways() {
        for logits in [[NAN, INF], [INF, NAN], [NAN, -INF], [-INF, NAN]] {
            for last in [0.0, -INF, NAN] {
                let x = row_of(shape, logits, last);
                special_row::<I, f32>(shape, &x, NAN, NAN);
                special_row::<I, f64>(shape, &x, NAN, NAN);
            }
        }
        special_row::<I, f32>(shape, &vec![NAN; shape.classes], NAN, NAN);
        special_row::<I, f64>(shape, &vec![NAN; shape.classes], NAN, NAN);
    }
}

/// Puts a row among others: its ln Σ exp, its loss with the last class as the target, and where
/// that is NaN, gradients and probabilities that are too.
fn special_row<I: Isa, T: Real>(shape: Shape, x: &[f64], lse: f64, loss: f64) {
    for scenario in SCENARIOS {
        let plain = scenario.options.iter().all(|&option| option == 0.0) && !scenario.weight;
        let value = match scenario.loss {
            "log_sum_exp" => Some(lse),
            "cross_entropy" if plain => Some(loss),
            "softmax" | "log_softmax" => None,
            _ => continue,
        };
        let run = find::<I, T>(scenario.loss);
        let mut batch = Batch::<T>::new(scenario, shape);
        batch.ignore = None;
        batch
            .index
            .iter_mut()
            .for_each(|class| *class = (*class).max(0));
        let clean = call(&run, scenario, &batch, shape, &scenario.ask());
        let rows = [1, batch.rows() - 1];
        let last = shape.classes - 1;
        for row in rows {
            batch.x[row] = rounded(x);
            batch.index[row] = last as i32;
            batch.other[row] = vec![T::from_f64(0.0); shape.classes];
            batch.other[row][last] = T::from_f64(1.0);
        }
        let given = call(&run, scenario, &batch, shape, &scenario.ask());
        for row in 0..batch.rows() {
            let name = scenario.name::<T>(shape);
            let what = || format!("{name}: row {row} with {:?}…{:?}", &x[..2], x[last]);
            if !rows.contains(&row) {
                assert_same(&given.input[row], &clean.input[row], what);
                if value.is_some() {
                    assert_same(&given.values[row..=row], &clean.values[row..=row], what);
                }
                continue;
            }
            if let Some(value) = value {
                assert_close(given.values[row], value, value.abs(), 2.0, what);
            }
            if loss.is_nan() && scenario.loss != "log_sum_exp" {
                let all = given.input[row].iter().all(|x| x.to_f64().is_nan());
                assert!(all, "{}: {:?}", what(), given.input[row]);
            }
        }
    }
}

fn smoothed_masks<I: Isa>() {
    let smoothed = |s: &&Scenario| s.loss == CE && s.options[0] > 0.0 && s.options[2] == 0.0;
    for scenario in SCENARIOS.iter().filter(smoothed) {
        for shape in ways() {
            smoothed_mask::<I, f32>(scenario, shape);
            smoothed_mask::<I, f64>(scenario, shape);
        }
    }
}

/// With smoothing, a logit of −∞ off the target costs +∞, in its own row.
fn smoothed_mask<I: Isa, T: Real>(scenario: &Scenario, shape: Shape) {
    let loss = find::<I, T>(scenario.loss);
    let mut batch = Batch::<T>::new(scenario, shape);
    batch.ignore = None;
    batch.index.fill(2);
    let clean = call(&loss, scenario, &batch, shape, &scenario.ask());
    batch.x[1][0] = T::from_f64(-INF);
    let given = call(&loss, scenario, &batch, shape, &scenario.ask());
    for (row, (&got, &clean)) in given.values.iter().zip(&clean.values).enumerate() {
        let want = if row == 1 { T::from_f64(INF) } else { clean };
        let name = scenario.name::<T>(shape);
        assert!(same(got, want), "{name}: row {row}: {got:?}, want {want:?}");
    }
}

fn no_rows<I: Isa>() {
    for scenario in SCENARIOS {
        for (outer, inner) in [(0, 1), (0, 9), (2, 0)] {
            no_rows_of::<I, f32>(scenario, shape((outer, inner), 5));
            no_rows_of::<I, f64>(scenario, shape((outer, inner), 40));
        }
    }
}

/// The sum of no rows is 0, their mean NaN, and the gradient of the weight 0 by either.
fn no_rows_of<I: Isa, T: Real>(scenario: &Scenario, shape: Shape) {
    let loss = find::<I, T>(scenario.loss);
    let batch = Batch::<T>::new(scenario, shape);
    let mean = if scenario.beside == Beside::Index {
        None
    } else {
        Some(0.0)
    };
    for (divisor, want) in [(Some(1.0), 0.0), (mean, f64::NAN)] {
        let ask = Ask {
            divisor,
            ..scenario.ask()
        };
        let given = call(&loss, scenario, &batch, shape, &ask);
        assert!(same(given.reduced, want), "{}", scenario.name::<T>(shape));
        let weight = vec![T::from_f64(0.0); given.weight.len()];
        assert_same(&given.weight, &weight, || scenario.name::<T>(shape));
    }
}

fn row_sums<I: Isa>() {
    row_sums_of::<I, f32>();
    row_sums_of::<I, f64>();
}

fn row_sums_of<I: Isa, T: Real>() {
    let mut random = Random(5);
    for (rows, columns) in [(0, 3), (3, 0), (1, 1), (7, 5), (5, 8), (3, 67), (2, 4097)] {
        let x: Vec<f64> = (0..rows * columns)
            .map(|_| random.between(-1.0, 1.0))
            .collect();
        let x: Vec<T> = rounded(&x);
        let (mut memory, mut out) = (Guarded::holding(&x), Guarded::blank(rows));
        // SAFETY: the arrays are of these sizes.
        unsafe { rowwise::sum_rows::<I, T>(memory.ptr(), rows, columns, out.ptr()) };
        let what = || format!("{rows} × {columns} × {}", T::NAME);
        let want: Vec<T> = (0..rows)
            .map(|row| T::from_f64(tree_sum(&widened(&x[row * columns..][..columns]))))
            .collect();
        assert_same(&out.checked(what), &want, what);
    }
}
