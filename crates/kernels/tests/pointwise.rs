//! The pointwise losses against float64 formulas, and their driver against a naive one.
//!
//! [`ORACLES`] states each loss as semantics.md does. `elements` holds every value and derivative
//! to it; `plans` then holds every way of calling a loss, at every length, to those elements.

#[macro_use]
mod common;

use common::{
    BORDERS, Guarded, LONGEST, Random, Real, assert_close, assert_same, exact_sum, same, tree_sum,
    widened,
};
use core::ptr::{null, null_mut};
use fused_loss_kernels::driver::pointwise::{self, Call, Kernel, MAX_ARGS, Operand, Pointwise};
use fused_loss_kernels::isa::{Isa, Scalar};

per_token!(elements, plans, sums, edges, nan_goes_through);

// The losses.

/// A registered loss in one dtype and instruction set.
struct Loss<T> {
    name: &'static str,
    args: usize,
    grads: usize,
    default: usize,
    /// # Safety
    /// As `driver::pointwise::run`.
    run: unsafe fn(&[f64], &Call<T>) -> f64,
}

impl<T: Real> Loss<T> {
    fn new<I: Isa, L: Pointwise<IN, OUT>, const IN: usize, const OUT: usize>(
        name: &'static str,
    ) -> Self {
        Loss {
            name,
            args: IN,
            grads: OUT,
            default: L::DEFAULT,
            run: run::<I, T, L, IN, OUT>,
        }
    }
}

/// # Safety
/// As `driver::pointwise::run`.
unsafe fn run<I, T, L, const IN: usize, const OUT: usize>(options: &[f64], call: &Call<T>) -> f64
where
    I: Isa,
    T: Real,
    L: Pointwise<IN, OUT>,
{
    let loss = L::new(options);
    // SAFETY: as the caller's.
    unsafe { pointwise::run::<I, T>(&Kernel::<T>::new::<I, IN, OUT, L>(&loss), call) }
}

macro_rules! entry {
    (pointwise $module:ident $loss:ident) => {
        Some(Loss::new::<
            I,
            fused_loss_kernels::losses::$module::$loss,
            _,
            _,
        >(stringify!($module)))
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

// The oracles.

/// A number, with the sum of the magnitudes of the terms that make it.
#[derive(Clone, Copy, Debug)]
struct Quantity {
    value: f64,
    size: f64,
}

/// A sum of terms.
fn sum<const N: usize>(terms: [f64; N]) -> Quantity {
    Quantity {
        value: terms.iter().sum(),
        size: terms.iter().map(|x| x.abs()).sum(),
    }
}

/// A single term.
fn one(value: f64) -> Quantity {
    sum([value])
}

impl Quantity {
    /// For a function whose argument `z` is itself rounded, where its logarithmic derivative is at
    /// most 1: an error of half a unit in z is one of |z|/2 units here.
    fn of_rounded(self, z: f64) -> Self {
        Quantity {
            size: self.size * (1.0 + z.abs() / 2.0),
            ..self
        }
    }
}

/// What an argument is drawn from.
#[derive(Clone, Copy)]
enum Draw {
    /// Any sign, at most this; small ones, round ones (for ties and kinks) and tiny ones.
    Real(f64),
    /// 0 to 1, both included, and close to either.
    Unit,
    /// ±1.
    Sign,
    /// At least 0, at most this.
    Positive(f64),
}
use Draw::{Positive, Sign, Unit};

impl Draw {
    fn draw(self, random: &mut Random) -> f64 {
        let choice = random.below(4);
        match self {
            Draw::Real(most) => match choice {
                0 => random.between(-1.0, 1.0),
                1 => (random.between(-4.0, 4.0) * 4.0).round() / 4.0,
                2 if random.unit() < 0.5 => random.small() * random.between(-1.0, 1.0),
                _ => random.between(-most, most),
            },
            Unit => match choice {
                0 => random.small(),
                1 => 1.0 - random.small(),
                2 if random.unit() < 0.5 => random.below(3) as f64 / 2.0,
                _ => random.unit(),
            },
            Sign => [-1.0, 1.0][choice % 2],
            Positive(most) => match choice {
                0 => random.small(),
                1 => random.below(5) as f64,
                _ => random.between(0.0, most),
            },
        }
    }
}

/// The value and the derivatives of a loss with options: (options, arguments) → (value, partials).
type Terms = fn([f64; 3], [f64; 4]) -> (Quantity, Vec<Quantity>);

/// A loss with options, where it may be evaluated, and what it must give there.
struct Oracle {
    loss: &'static str,
    options: &'static [f64],
    args: &'static [Draw],
    /// Errors allowed in the value and in the partials, in units in the last place of their sizes.
    bounds: (f64, f64),
    terms: Terms,
}

const fn oracle(
    loss: &'static str,
    options: &'static [f64],
    args: &'static [Draw],
    bounds: (f64, f64),
    terms: Terms,
) -> Oracle {
    Oracle {
        loss,
        options,
        args,
        bounds,
        terms,
    }
}

const REAL: Draw = Draw::Real(8.0);
const LOGIT: Draw = Draw::Real(90.0);

/// The first row of a loss has the options that every length is tried with.
#[rustfmt::skip]
static ORACLES: &[Oracle] = &[
    oracle("bce", &[], &[Unit, Unit], (3.0, 3.0), bce),
    oracle("bce_with_logits", &[], &[LOGIT, Unit], (3.0, 3.0), bce_with_logits),
    oracle("bce_with_logits", &[], &[REAL, Unit], (3.0, 3.0), bce_with_logits),
    oracle("bce_with_logits_weighted", &[], &[REAL, Unit, Positive(5.0)], (3.0, 3.0), weighted),
    oracle("dpo", &[0.1, 0.0], &[REAL, REAL, REAL, REAL], (4.0, 4.0), dpo),
    oracle("dpo", &[0.5, 0.25], &[REAL, REAL, REAL, REAL], (4.0, 4.0), dpo),
    oracle("gaussian_nll", &[1e-6, 0.0], &[REAL, REAL, Positive(9.0)], (3.0, 3.0), gaussian_nll),
    oracle("gaussian_nll", &[0.5, 1.0], &[REAL, REAL, Positive(9.0)], (3.0, 3.0), gaussian_nll),
    oracle("hinge", &[], &[REAL, Sign], (1.0, 0.0), hinge),
    oracle("hinge_embedding", &[1.0], &[REAL, Sign], (1.0, 0.0), hinge_embedding),
    oracle("hinge_embedding", &[0.3], &[REAL, Sign], (1.0, 0.0), hinge_embedding),
    oracle("huber", &[1.0], &[REAL, REAL], (2.0, 1.0), huber),
    oracle("huber", &[0.3], &[REAL, REAL], (2.0, 1.0), huber),
    oracle("huber", &[4.0], &[REAL, REAL], (2.0, 1.0), huber),
    oracle("kl_div", &[0.0], &[REAL, Unit], (3.0, 3.0), kl_div),
    oracle("kl_div", &[1.0], &[REAL, REAL], (3.0, 3.0), kl_div),
    oracle("l1", &[], &[REAL, REAL], (1.0, 0.0), l1),
    oracle("log_cosh", &[], &[REAL, REAL], (5.0, 3.0), log_cosh),
    oracle("log_cosh", &[], &[LOGIT, REAL], (5.0, 3.0), log_cosh),
    oracle("log_sigmoid", &[], &[LOGIT], (3.0, 3.0), log_sigmoid),
    oracle("log_sigmoid", &[], &[REAL], (3.0, 3.0), log_sigmoid),
    oracle("margin_ranking", &[0.0], &[REAL, REAL, Sign], (1.0, 0.0), margin_ranking),
    oracle("margin_ranking", &[0.5], &[REAL, REAL, Sign], (1.0, 0.0), margin_ranking),
    oracle("margin_ranking", &[0.5], &[REAL, REAL, REAL], (2.0, 0.0), margin_ranking),
    oracle("mse", &[], &[REAL, REAL], (2.0, 1.0), mse),
    oracle("poisson_nll", &[1.0, 0.0, 1e-8], &[REAL, Positive(20.0)], (3.0, 3.0), poisson_nll),
    oracle("poisson_nll", &[1.0, 1.0, 1e-8], &[REAL, Positive(20.0)], (3.0, 3.0), poisson_nll),
    oracle("poisson_nll", &[0.0, 0.0, 1e-8], &[Positive(20.0), Positive(20.0)], (3.0, 3.0), poisson_nll),
    oracle("poisson_nll", &[0.0, 1.0, 0.1], &[Positive(20.0), Positive(20.0)], (3.0, 3.0), poisson_nll),
    oracle("quantile", &[0.5], &[REAL, REAL], (1.0, 0.0), quantile),
    oracle("quantile", &[0.9], &[REAL, REAL], (2.0, 1.0), quantile),
    oracle("quantile", &[0.0], &[REAL, REAL], (1.0, 0.0), quantile),
    oracle("sigmoid", &[], &[LOGIT], (3.0, 3.0), logistic),
    oracle("sigmoid", &[], &[REAL], (3.0, 3.0), logistic),
    oracle("sigmoid_focal", &[0.25, 2.0], &[REAL, Unit], (6.0, 8.0), sigmoid_focal),
    oracle("sigmoid_focal", &[-1.0, 0.5], &[LOGIT, Unit], (40.0, 40.0), sigmoid_focal),
    oracle("sigmoid_focal", &[0.75, 3.5], &[REAL, Unit], (12.0, 14.0), sigmoid_focal),
    oracle("smooth_l1", &[1.0], &[REAL, REAL], (2.0, 1.0), smooth_l1),
    oracle("smooth_l1", &[0.0], &[REAL, REAL], (2.0, 1.0), smooth_l1),
    oracle("smooth_l1", &[0.3], &[REAL, REAL], (2.0, 1.0), smooth_l1),
    oracle("smooth_l1", &[5.0], &[REAL, REAL], (2.0, 1.0), smooth_l1),
    oracle("soft_margin", &[], &[REAL, Sign], (3.0, 3.0), soft_margin),
    oracle("soft_margin", &[], &[REAL, REAL], (3.0, 3.0), soft_margin),
    oracle("softplus", &[1.0, 20.0], &[LOGIT], (3.0, 3.0), soft_plus),
    oracle("softplus", &[2.5, 3.0], &[REAL], (3.0, 3.0), soft_plus),
    oracle("squared_hinge", &[], &[REAL, Sign], (2.0, 1.0), squared_hinge),
];

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

fn sigmoid(x: f64) -> f64 {
    let e = (-x.abs()).exp();
    if x < 0.0 {
        e / (1.0 + e)
    } else {
        1.0 / (1.0 + e)
    }
}

/// −1, 0 or 1.
fn sign(x: f64) -> f64 {
    if x == 0.0 { 0.0 } else { x.signum() }
}

fn bce(_: [f64; 3], [x, y, ..]: [f64; 4]) -> (Quantity, Vec<Quantity>) {
    let (ln, ln_1m) = (x.ln(), (-x).ln_1p());
    let value = sum([-y * ln.max(-100.0), -(1.0 - y) * ln_1m.max(-100.0)]);
    let by_input = one((x - y) / ((1.0 - x) * x).max(1e-12));
    (value, vec![by_input, sum([ln_1m, -ln])])
}

fn bce_with_logits(_: [f64; 3], [x, y, ..]: [f64; 4]) -> (Quantity, Vec<Quantity>) {
    let (value, partials) = weighted([0.0; 3], [x, y, 1.0, 0.0]);
    (value, vec![partials[0], one(-x)])
}

fn weighted(_: [f64; 3], [x, y, p, ..]: [f64; 4]) -> (Quantity, Vec<Quantity>) {
    let value = sum([(1.0 - y) * softplus(x), p * y * softplus(-x)]);
    let by_input = sum([(1.0 - y) * sigmoid(x), -p * y * sigmoid(-x)]);
    let by_target = sum([-softplus(x), p * softplus(-x)]);
    (value, vec![by_input, by_target])
}

fn sigmoid_focal([alpha, gamma, _]: [f64; 3], [x, y, ..]: [f64; 4]) -> (Quantity, Vec<Quantity>) {
    let (entropy, partials) = bce_with_logits([0.0; 3], [x, y, 0.0, 0.0]);
    let missed = sum([y * sigmoid(-x), (1.0 - y) * sigmoid(x)]);
    let balance = if alpha < 0.0 {
        1.0
    } else {
        alpha * y + (1.0 - alpha) * (1.0 - y)
    };
    let factor = balance * missed.value.powf(gamma);
    let turn = (1.0 - 2.0 * y) * sigmoid(x) * sigmoid(-x) / missed.value;
    let by_input = sum([
        factor * partials[0].value,
        factor * gamma * turn * entropy.value,
    ]);
    let of = |value: f64, size: f64| Quantity { value, size };
    (
        of(factor * entropy.value, (factor * entropy.size).abs()),
        vec![of(
            by_input.value,
            (factor * partials[0].size).abs() + (factor * gamma * turn * entropy.size).abs(),
        )],
    )
}

fn dpo([beta, flip, _]: [f64; 3], [pc, pr, rc, rr]: [f64; 4]) -> (Quantity, Vec<Quantity>) {
    let margin = beta * ((pc - pr) - (rc - rr));
    // What the subtractions round, seen through a slope of 1.
    let rounding = beta * (pc.abs() + pr.abs() + rc.abs() + rr.abs());
    let value = sum([(1.0 - flip) * softplus(-margin), flip * softplus(margin)]);
    let slope = beta * (flip * sigmoid(margin) - (1.0 - flip) * sigmoid(-margin));
    let of = |value: f64, size: f64| Quantity { value, size };
    let slopes = |sign: f64| {
        of(
            sign * slope,
            slope.abs() * (1.0 + rounding) + beta * rounding / 4.0,
        )
    };
    (
        of(value.value, value.size + rounding),
        vec![slopes(1.0), slopes(-1.0)],
    )
}

fn gaussian_nll(
    [eps, full, _]: [f64; 3],
    [x, y, variance, ..]: [f64; 4],
) -> (Quantity, Vec<Quantity>) {
    let (v, d) = (variance.max(eps), x - y);
    let constant = full * 0.5 * core::f64::consts::TAU.ln();
    let value = sum([0.5 * v.ln(), 0.5 * d * d / v, constant]);
    let by_variance = sum([0.5 / v, -0.5 * d * d / (v * v)]);
    (value, vec![one(d / v), by_variance, one(-d / v)])
}

fn hinge(_: [f64; 3], [x, y, ..]: [f64; 4]) -> (Quantity, Vec<Quantity>) {
    let z = 1.0 - x * y;
    if z > 0.0 {
        (one(z), vec![one(-y)])
    } else {
        (one(0.0), vec![one(0.0)])
    }
}

fn squared_hinge(_: [f64; 3], [x, y, ..]: [f64; 4]) -> (Quantity, Vec<Quantity>) {
    let z = (1.0 - x * y).max(0.0);
    (one(z * z), vec![one(-2.0 * z * y)])
}

fn hinge_embedding([margin, ..]: [f64; 3], [x, y, ..]: [f64; 4]) -> (Quantity, Vec<Quantity>) {
    if y == 1.0 {
        (one(x), vec![one(1.0)])
    } else if margin - x > 0.0 {
        (one(margin - x), vec![one(-1.0)])
    } else {
        (one(0.0), vec![one(0.0)])
    }
}

fn huber([delta, ..]: [f64; 3], [x, y, ..]: [f64; 4]) -> (Quantity, Vec<Quantity>) {
    let d = x - y;
    let value = if d.abs() <= delta {
        0.5 * d * d
    } else {
        delta * (d.abs() - 0.5 * delta)
    };
    let slope = d.clamp(-delta, delta);
    (one(value), vec![one(slope), one(-slope)])
}

fn smooth_l1([beta, ..]: [f64; 3], [x, y, ..]: [f64; 4]) -> (Quantity, Vec<Quantity>) {
    let d = x - y;
    let (value, slope) = if d.abs() < beta {
        (0.5 * d * d / beta, d / beta)
    } else {
        (d.abs() - 0.5 * beta, sign(d))
    };
    (one(value), vec![one(slope), one(-slope)])
}

fn kl_div([log_target, ..]: [f64; 3], [x, y, ..]: [f64; 4]) -> (Quantity, Vec<Quantity>) {
    if log_target != 0.0 {
        let p = y.exp();
        (sum([p * y, -p * x]), vec![one(-p), sum([p * y, -p * x, p])])
    } else if y == 0.0 {
        (one(0.0), vec![one(0.0), one(f64::NAN)])
    } else {
        let by_target = sum([y.ln(), -x, 1.0]);
        (sum([y * y.ln(), -y * x]), vec![one(-y), by_target])
    }
}

fn l1(_: [f64; 3], [x, y, ..]: [f64; 4]) -> (Quantity, Vec<Quantity>) {
    let d = x - y;
    (one(d.abs()), vec![one(sign(d)), one(-sign(d))])
}

fn mse(_: [f64; 3], [x, y, ..]: [f64; 4]) -> (Quantity, Vec<Quantity>) {
    let d = x - y;
    (one(d * d), vec![one(2.0 * d), one(-2.0 * d)])
}

fn log_cosh(_: [f64; 3], [x, y, ..]: [f64; 4]) -> (Quantity, Vec<Quantity>) {
    let d = (x - y).abs();
    let value = if d < 1.0 {
        (2.0 * (0.5 * d).sinh().powi(2)).ln_1p()
    } else {
        d + (-2.0 * d).exp().ln_1p() - core::f64::consts::LN_2
    };
    let slope = (x - y).tanh();
    (one(value), vec![one(slope), one(-slope)])
}

fn log_sigmoid(_: [f64; 3], [x, ..]: [f64; 4]) -> (Quantity, Vec<Quantity>) {
    (one(-softplus(-x)), vec![one(sigmoid(-x))])
}

fn logistic(_: [f64; 3], [x, ..]: [f64; 4]) -> (Quantity, Vec<Quantity>) {
    (one(sigmoid(x)), vec![one(sigmoid(x) * sigmoid(-x))])
}

fn margin_ranking([margin, ..]: [f64; 3], [x1, x2, y, ..]: [f64; 4]) -> (Quantity, Vec<Quantity>) {
    let z = sum([-y * (x1 - x2), margin]);
    if z.value > 0.0 {
        (z, vec![one(-y), one(y)])
    } else {
        // Rounding may leave a little where the terms cancel.
        (Quantity { value: 0.0, ..z }, vec![one(0.0), one(0.0)])
    }
}

fn poisson_nll(
    [log_input, full, eps]: [f64; 3],
    [x, y, ..]: [f64; 4],
) -> (Quantity, Vec<Quantity>) {
    let stirling = if full != 0.0 && y > 1.0 {
        [y * y.ln(), -y, 0.5 * (core::f64::consts::TAU * y).ln()]
    } else {
        [0.0; 3]
    };
    let [s0, s1, s2] = stirling;
    if log_input != 0.0 {
        let rate = x.exp();
        (sum([rate, -y * x, s0, s1, s2]), vec![sum([rate, -y])])
    } else {
        let rate = x + eps;
        let value = sum([x, -y * rate.ln(), s0, s1, s2]);
        // The rounding of the rate shows where its logarithm is near 0.
        let size = value.size + y;
        (Quantity { size, ..value }, vec![sum([1.0, -y / rate])])
    }
}

fn quantile([q, ..]: [f64; 3], [x, y, ..]: [f64; 4]) -> (Quantity, Vec<Quantity>) {
    let d = y - x;
    let (value, slope) = match d {
        0.0 => (0.0, 0.0),
        d if d > 0.0 => (q * d, q),
        _ => ((q - 1.0) * d, q - 1.0),
    };
    (one(value), vec![one(-slope), one(slope)])
}

fn soft_margin(_: [f64; 3], [x, y, ..]: [f64; 4]) -> (Quantity, Vec<Quantity>) {
    let z = -x * y;
    let slope = one(-y * sigmoid(z)).of_rounded(z);
    (one(softplus(z)).of_rounded(z), vec![slope])
}

fn soft_plus([beta, threshold, _]: [f64; 3], [x, ..]: [f64; 4]) -> (Quantity, Vec<Quantity>) {
    let z = beta * x;
    if z > threshold {
        (one(x), vec![one(1.0)])
    } else {
        let value = one(softplus(z) / beta).of_rounded(z);
        (value, vec![one(sigmoid(z)).of_rounded(z)])
    }
}

#[test]
fn every_loss_has_an_oracle() {
    let losses: Vec<_> = losses::<Scalar, f64>().collect();
    for loss in &losses {
        let mut rows = ORACLES
            .iter()
            .filter(|row| row.loss == loss.name)
            .peekable();
        assert!(rows.peek().is_some(), "{} has no oracle here", loss.name);
        for row in rows {
            let (_, partials) = (row.terms)([0.5; 3], [0.5; 4]);
            assert_eq!(row.args.len(), loss.args, "{}: arguments", loss.name);
            assert_eq!(partials.len(), loss.grads, "{}: derivatives", loss.name);
        }
    }
    for row in ORACLES {
        let registered = losses.iter().any(|loss| loss.name == row.loss);
        assert!(registered, "{} is not registered", row.loss);
    }
}

// Data.

/// Every element's value and partial derivatives.
struct Elements<T> {
    values: Vec<T>,
    partials: Vec<Vec<T>>,
}

/// A row of [`ORACLES`] with arguments and everything else that a call may take.
struct Data<T: 'static> {
    loss: Loss<T>,
    row: &'static Oracle,
    args: Vec<Vec<T>>,
    weight: Vec<T>,
    grad_outputs: Vec<T>,
    elements: Elements<T>,
}

impl<T: Real> Data<T> {
    fn new<I: Isa>(row: &'static Oracle, n: usize) -> Self {
        let loss = find::<I, T>(row.loss);
        let mut random = Random(row.options.iter().map(|x| x.to_bits()).sum());
        let mut column = |draw: Draw| -> Vec<T> {
            (0..n)
                .map(|_| T::from_f64(draw.draw(&mut random)))
                .collect()
        };
        let args: Vec<Vec<T>> = row.args.iter().map(|&draw| column(draw)).collect();
        Data {
            elements: evaluate(&loss, row.options, &args),
            weight: column(Positive(2.0)),
            grad_outputs: column(Draw::Real(2.0)),
            loss,
            row,
            args,
        }
    }

    /// What the oracle says of element i.
    fn want(&self, i: usize) -> (Quantity, Vec<Quantity>) {
        let options =
            core::array::from_fn(|k| self.row.options.get(k).map_or(0.0, |&x| round::<T>(x)));
        let args = core::array::from_fn(|k| self.args.get(k).map_or(0.0, |x| x[i].to_f64()));
        (self.row.terms)(options, args)
    }

    /// The argument that derivative k is by.
    fn argument(&self, k: usize) -> usize {
        match self.loss.name {
            // The variance's comes before the target's, which is not computed by default.
            "gaussian_nll" => [0, 2, 1][k],
            _ => k,
        }
    }

    fn name(&self) -> String {
        format!("{} {:?} × {}", self.loss.name, self.row.options, T::NAME)
    }

    fn describe(&self, i: usize, what: &str) -> String {
        let args: Vec<T> = self.args.iter().map(|x| x[i]).collect();
        format!("{}: {what} at {args:?}", self.name())
    }
}

fn round<T: Real>(x: f64) -> f64 {
    T::from_f64(x).to_f64()
}

fn find<I: Isa, T: Real>(name: &str) -> Loss<T> {
    losses::<I, T>()
        .find(|loss| loss.name == name)
        .unwrap_or_else(|| panic!("{name} is not registered"))
}

/// A call that reads nothing and asks for nothing.
fn bare<T: Real>(n: usize) -> Call<'static, T> {
    Call {
        n,
        args: [Operand::contiguous(null()); MAX_ARGS],
        weight: None,
        divisor: Some(1.0),
        grad_output: 1.0,
        grad_outputs: null(),
        values: null_mut(),
        grads: [null_mut(); MAX_ARGS],
        weight_grad: null_mut(),
        block_sums: null_mut(),
    }
}

/// Runs a loss for the values and all derivatives of each element.
fn evaluate<T: Real>(loss: &Loss<T>, options: &[f64], args: &[Vec<T>]) -> Elements<T> {
    let n = args[0].len();
    let mut args: Vec<_> = args.iter().map(|x| Guarded::holding(x)).collect();
    let mut values = Guarded::blank(n);
    let mut grads: Vec<_> = (0..loss.grads).map(|_| Guarded::blank(n)).collect();
    let mut call = bare(n);
    call.values = values.ptr();
    for (operand, arg) in call.args.iter_mut().zip(&mut args) {
        operand.data = arg.ptr();
    }
    for (pointer, grad) in call.grads.iter_mut().zip(&mut grads) {
        *pointer = grad.ptr();
    }
    // SAFETY: every array has n elements.
    unsafe { (loss.run)(options, &call) };
    let what = || format!("{} × {}: evaluate", loss.name, T::NAME);
    Elements {
        values: values.checked(what),
        partials: grads.into_iter().map(|grad| grad.checked(what)).collect(),
    }
}

// Every element.

fn elements<I: Isa>() {
    for row in ORACLES {
        elements_of::<I, f32>(row);
        elements_of::<I, f64>(row);
    }
}

fn elements_of<I: Isa, T: Real>(row: &'static Oracle) {
    let data = Data::<T>::new::<I>(row, LONGEST);
    let Elements { values, partials } = &data.elements;
    for (i, &value) in values.iter().enumerate() {
        let (want, slopes) = data.want(i);
        let (bound, slope_bound) = row.bounds;
        assert_close(value, want.value, want.size, bound, || {
            data.describe(i, "value")
        });
        for (k, want) in slopes.iter().enumerate() {
            assert_close(partials[k][i], want.value, want.size, slope_bound, || {
                data.describe(i, &format!("derivative {k}"))
            });
        }
    }
    // The same bits whatever the token.
    let scalar = Data::<T>::new::<Scalar>(row, LONGEST).elements;
    assert_same(values, &scalar.values, || {
        format!("{}: values", data.name())
    });
    for (got, want) in partials.iter().zip(&scalar.partials) {
        assert_same(got, want, || format!("{}: derivatives", data.name()));
    }
}

// Every way of calling.

#[derive(Clone, Copy, Debug, PartialEq)]
enum Grads {
    Nothing,
    Default,
    Last,
    All,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Weight {
    Nothing,
    Full,
    Broadcast,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Divisor {
    /// 'sum'.
    One,
    /// 'mean'.
    Count,
    /// 'mean' of a loss that divides by its weights.
    Weights,
    /// `normalizer`.
    Number,
}

/// A way of calling a loss.
#[derive(Clone, Copy, Debug)]
struct Plan {
    grads: Grads,
    /// 'none'.
    values: bool,
    divisor: Divisor,
    grad_output: f64,
    grad_outputs: bool,
    weight: Weight,
    weight_grad: bool,
    /// Gradients go over the arguments, that of the weight over the weight.
    in_place: bool,
    /// All arguments but the first are broadcast; the only argument is, where there is but one.
    broadcast: bool,
}

const SUM: Plan = Plan {
    grads: Grads::Nothing,
    values: false,
    divisor: Divisor::One,
    grad_output: 1.0,
    grad_outputs: false,
    weight: Weight::Nothing,
    weight_grad: false,
    in_place: false,
    broadcast: false,
};
const MEAN: Plan = Plan {
    divisor: Divisor::Count,
    ..SUM
};
const NONE: Plan = Plan {
    values: true,
    ..SUM
};
const NONE_GRAD: Plan = Plan {
    grads: Grads::Default,
    ..NONE
};
const NONE_ALL: Plan = Plan {
    grads: Grads::All,
    ..NONE
};
const MEAN_GRAD: Plan = Plan {
    grads: Grads::Default,
    ..MEAN
};
const MEAN_ALL: Plan = Plan {
    grads: Grads::All,
    ..MEAN
};
/// The mean by the weights, as of mse, l1 and huber.
const WEIGHTED: Plan = Plan {
    weight: Weight::Full,
    divisor: Divisor::Weights,
    ..MEAN
};
const WEIGHTED_GRAD: Plan = Plan {
    grads: Grads::Default,
    ..WEIGHTED
};
/// The derivative by the weight alone.
const WEIGHT_GRAD: Plan = Plan {
    weight_grad: true,
    ..WEIGHTED
};

#[rustfmt::skip]
static PLANS: &[Plan] = &[
    // Reductions, with no gradient, the default ones, all, and the last alone.
    SUM,
    MEAN,
    NONE,
    Plan { divisor: Divisor::Number, ..SUM },
    Plan { grads: Grads::Default, ..SUM },
    MEAN_GRAD,
    NONE_GRAD,
    Plan { divisor: Divisor::Number, grad_output: -0.3, ..MEAN_GRAD },
    Plan { grads: Grads::All, ..SUM },
    MEAN_ALL,
    NONE_ALL,
    Plan { grads: Grads::Last, ..MEAN },
    Plan { grads: Grads::Last, ..NONE },
    // A numeric gradOutput.
    Plan { grad_output: -0.3, ..MEAN_GRAD },
    Plan { grad_output: 1e3, ..NONE_ALL },
    // Weights.
    WEIGHTED,
    WEIGHTED_GRAD,
    Plan { grads: Grads::All, grad_output: -0.3, ..WEIGHTED },
    Plan { weight: Weight::Full, ..NONE_ALL },
    Plan { weight: Weight::Full, ..MEAN_GRAD },
    Plan { weight: Weight::Broadcast, ..SUM },
    Plan { weight: Weight::Broadcast, ..MEAN_GRAD },
    Plan { weight: Weight::Broadcast, ..NONE_ALL },
    // An array of incoming gradients, with values and (as for a vector-Jacobian product) without.
    Plan { grad_outputs: true, ..NONE_GRAD },
    Plan { grad_outputs: true, ..NONE_ALL },
    Plan { grad_outputs: true, values: false, ..NONE_GRAD },
    Plan { grad_outputs: true, weight: Weight::Full, ..NONE_ALL },
    Plan { grad_outputs: true, weight: Weight::Broadcast, ..NONE_GRAD },
    // The derivative by the weight.
    WEIGHT_GRAD,
    Plan { divisor: Divisor::One, ..WEIGHT_GRAD },
    Plan { divisor: Divisor::Number, grads: Grads::Default, ..WEIGHT_GRAD },
    Plan { grads: Grads::All, grad_output: -0.3, ..WEIGHT_GRAD },
    Plan { grad_outputs: true, divisor: Divisor::One, values: true, grads: Grads::All, ..WEIGHT_GRAD },
    // In place.
    Plan { in_place: true, ..MEAN_GRAD },
    Plan { in_place: true, ..MEAN_ALL },
    Plan { in_place: true, ..NONE_ALL },
    Plan { in_place: true, ..WEIGHTED_GRAD },
    Plan { in_place: true, ..WEIGHT_GRAD },
    Plan { in_place: true, grads: Grads::All, ..WEIGHT_GRAD },
    Plan { in_place: true, grad_outputs: true, weight: Weight::Broadcast, ..NONE_ALL },
    // Broadcast arguments.
    Plan { broadcast: true, ..MEAN },
    Plan { broadcast: true, ..MEAN_GRAD },
    Plan { broadcast: true, ..NONE_ALL },
    Plan { broadcast: true, in_place: true, ..MEAN_GRAD },
    Plan { broadcast: true, grad_outputs: true, weight: Weight::Broadcast, ..NONE_ALL },
    Plan { broadcast: true, grads: Grads::All, ..WEIGHT_GRAD },
];

fn plans<I: Isa>() {
    plans_of::<I, f32>();
    plans_of::<I, f64>();
}

fn plans_of<I: Isa, T: Real>() {
    let mut last = "";
    for row in ORACLES {
        let data = Data::<T>::new::<I>(row, LONGEST);
        // Everything with one set of options, the block functions with the others.
        let (lengths, plans) = if row.loss == last {
            (0..0, &[SUM, MEAN_GRAD, NONE_ALL][..])
        } else {
            (0..68, PLANS)
        };
        last = row.loss;
        for n in lengths.chain(BORDERS) {
            for plan in plans {
                check(&data, n, plan);
            }
        }
    }
}

/// How an operand of fewer elements lies over n of them.
struct Layout {
    dims: Vec<(usize, usize)>,
}

impl Layout {
    /// One of several ways to broadcast over n elements, seen as a box of three dimensions.
    fn new(n: usize, choice: usize) -> Self {
        let divisor = |n: usize| (2..=n).find(|d| n.is_multiple_of(*d)).unwrap_or(1);
        let c = divisor(n);
        let b = divisor(n / c);
        let a = n / c / b;
        let dims = match choice % 7 {
            // Along one dimension, the last, the first or the one between.
            0 => vec![(a * b, 0), (c, 1)],
            1 => vec![(a, 1), (b * c, 0)],
            2 => vec![(a, 0), (b, 1), (c, 0)],
            // Along two of three.
            3 => vec![(a, c), (b, 0), (c, 1)],
            // One number.
            4 => vec![(n, 0)],
            // Everything, the dimensions swapped.
            5 => vec![(a, 1), (b, a), (c, a * b)],
            // Every other element.
            _ => vec![(n, 2)],
        };
        Layout { dims }
    }

    fn operand<T: Real>(&self, data: *const T) -> Operand<'_, T> {
        Operand {
            data,
            dims: &self.dims,
        }
    }

    /// Position of element i.
    fn position(&self, mut i: usize) -> usize {
        let mut position = 0;
        for &(size, stride) in self.dims.iter().rev() {
            position += i % size * stride;
            i /= size;
        }
        position
    }

    /// How many elements the operand has.
    fn extent(&self) -> usize {
        let last: usize = self
            .dims
            .iter()
            .map(|&(size, stride)| size.saturating_sub(1) * stride)
            .sum();
        last + 1
    }
}

/// An array as the loss sees it, and where it lies.
struct Argument<'a, T> {
    /// Element by element.
    seen: Vec<T>,
    memory: Guarded<T>,
    kept: Vec<T>,
    layout: Option<&'a Layout>,
}

impl<'a, T: Real> Argument<'a, T> {
    fn new(source: &[T], n: usize, layout: Option<&'a Layout>) -> Self {
        let (seen, kept) = match layout {
            Some(_) if n == 0 => (vec![], vec![]),
            Some(layout) => {
                let kept: Vec<T> = source
                    .iter()
                    .copied()
                    .cycle()
                    .take(layout.extent())
                    .collect();
                ((0..n).map(|i| kept[layout.position(i)]).collect(), kept)
            }
            None => (source[..n].to_vec(), source[..n].to_vec()),
        };
        Argument {
            seen,
            memory: Guarded::holding(&kept),
            kept,
            layout,
        }
    }

    fn operand(&mut self) -> Operand<'a, T> {
        let data = self.memory.ptr();
        match self.layout {
            Some(layout) => layout.operand(data),
            None => Operand::contiguous(data),
        }
    }
}

/// An output, in memory of its own or over an argument.
enum Output<T> {
    Own(Guarded<T>),
    Over,
}

impl<T: Real> Output<T> {
    fn new(n: usize, over: bool) -> Self {
        if over {
            Output::Over
        } else {
            Output::Own(Guarded::blank(n))
        }
    }
    fn ptr(&mut self, argument: &mut Guarded<T>) -> *mut T {
        match self {
            Output::Own(memory) => memory.ptr(),
            Output::Over => argument.ptr(),
        }
    }
    /// The elements written, and those of the argument, which have to be as they were.
    fn checked(self, argument: Argument<T>, what: impl Fn() -> String) -> Vec<T> {
        match self {
            Output::Own(memory) => {
                argument.unchanged(&what);
                memory.checked(what)
            }
            Output::Over => argument.memory.checked(what),
        }
    }
}

impl<T: Real> Argument<'_, T> {
    fn unchanged(self, what: impl Fn() -> String) {
        assert_same(&self.memory.checked(&what), &self.kept, || {
            format!("{}: an input was written", what())
        });
    }
}

/// Runs a plan on the first n elements and holds everything it gives to the elements themselves.
fn check<T: Real>(data: &Data<T>, n: usize, plan: &Plan) {
    let (loss, options) = (&data.loss, data.row.options);
    let what = |part: &str| format!("{} × {n}: {part} of {plan:?}", data.name());

    // The arguments. What follows them is poison: no result may depend on it.
    let layouts: Vec<Layout> = (0..MAX_ARGS).map(|k| Layout::new(n, n + k)).collect();
    let mut args: Vec<Argument<T>> = (0..loss.args)
        .map(|k| {
            let broadcast = plan.broadcast && (k > 0 || loss.args == 1);
            Argument::new(&data.args[k], n, broadcast.then_some(&layouts[k]))
        })
        .collect();
    let mut weight = (plan.weight != Weight::Nothing).then(|| {
        let broadcast = plan.weight == Weight::Broadcast;
        Argument::new(&data.weight, n, broadcast.then_some(&layouts[3]))
    });
    let mut grad_outputs = plan
        .grad_outputs
        .then(|| Guarded::holding(&data.grad_outputs[..n]));

    // The outputs.
    let wanted = match plan.grads {
        Grads::Nothing => 0..0,
        Grads::Default => 0..loss.default,
        Grads::Last => loss.grads - 1..loss.grads,
        Grads::All => 0..loss.grads,
    };
    let mut values = plan.values.then(|| Guarded::blank(n));
    // For each argument, the derivative by it.
    let mut grads: Vec<Option<(usize, Output<T>)>> = args.iter().map(|_| None).collect();
    for k in wanted {
        let at = data.argument(k);
        let over = plan.in_place && args[at].layout.is_none();
        grads[at] = Some((k, Output::new(n, over)));
    }
    let mut weight_grad = plan.weight_grad.then(|| Output::new(n, plan.in_place));

    let mut call = bare(n);
    for (operand, arg) in call.args.iter_mut().zip(&mut args) {
        *operand = arg.operand();
    }
    call.weight = weight.as_mut().map(Argument::operand);
    call.divisor = match plan.divisor {
        Divisor::One => Some(1.0),
        Divisor::Count => Some(n as f64),
        Divisor::Weights => None,
        Divisor::Number => Some(7.3),
    };
    call.grad_output = plan.grad_output;
    call.grad_outputs = grad_outputs.as_mut().map_or(null(), |memory| memory.ptr());
    call.values = values.as_mut().map_or(null_mut(), |memory| memory.ptr());
    for (grad, arg) in grads.iter_mut().zip(&mut args) {
        if let Some((k, grad)) = grad {
            call.grads[*k] = grad.ptr(&mut arg.memory);
        }
    }
    if let (Some(grad), Some(weight)) = (&mut weight_grad, &mut weight) {
        call.weight_grad = grad.ptr(&mut weight.memory);
    }
    // SAFETY: every array has n elements, or those that its layout addresses.
    let got = unsafe { (loss.run)(options, &call) };

    // What they have to be.
    let fresh;
    let elements = if plan.broadcast {
        let args: Vec<Vec<T>> = args.iter().map(|arg| arg.seen.clone()).collect();
        fresh = evaluate(loss, options, &args);
        &fresh
    } else {
        &data.elements
    };
    let weights: Option<Vec<T>> = weight.as_ref().map(|weight| weight.seen.clone());
    let weigh = |i: usize, x: T| weights.as_ref().map_or(x, |w| x * w[i]);
    let losses: Vec<T> = (0..n).map(|i| weigh(i, elements.values[i])).collect();
    let total = tree_sum(&widened(&losses));
    let divisor = call
        .divisor
        .unwrap_or_else(|| tree_sum(&widened(weights.as_ref().expect("divides by the weights"))));
    let want = if plan.values { 0.0 } else { total / divisor };
    assert!(
        same(got, want),
        "{}: {got:e}, want {want:e}",
        what("the sum")
    );

    if let Some(values) = values {
        assert_same(&values.checked(|| what("values")), &losses, || {
            what("values")
        });
    }
    if let Some(memory) = grad_outputs {
        let kept = memory.checked(|| what("grad_outputs"));
        assert_same(&kept, &data.grad_outputs[..n], || what("grad_outputs"));
    }

    let scale = T::from_f64(plan.grad_output / divisor);
    let outer = |i: usize| {
        if plan.grad_outputs {
            data.grad_outputs[i]
        } else {
            T::from_f64(1.0)
        }
    };
    let exact = weights.is_none() && !plan.grad_outputs;
    for (grad, arg) in grads.into_iter().zip(args) {
        let Some((k, grad)) = grad else {
            arg.unchanged(|| what("an argument"));
            continue;
        };
        let grad = grad.checked(arg, || what("gradient"));
        for (i, &got) in grad.iter().enumerate() {
            let scaled = elements.partials[k][i] * scale;
            let what = || what(&format!("gradient {k}[{i}]"));
            if exact {
                assert!(same(got, scaled), "{}: {got:?}, want {scaled:?}", what());
            } else {
                let want = weigh(i, scaled).to_f64() * outer(i).to_f64();
                assert_close(got, want, want.abs(), 2.0, what);
            }
        }
    }
    match (weight_grad, weight) {
        (Some(grad), Some(weight)) => {
            // (ℓᵢ − L)/Σw where the weights divide, ℓᵢ by the scale elsewhere.
            let mean = if plan.divisor == Divisor::Weights {
                total / divisor
            } else {
                0.0
            };
            let grad = grad.checked(weight, || what("the weight's gradient"));
            for (i, &got) in grad.iter().enumerate() {
                let scale = scale.to_f64() * outer(i).to_f64();
                let value = elements.values[i].to_f64();
                let size = (value.abs() + mean.abs()) * scale.abs();
                assert_close(got, (value - mean) * scale, size, 1.0, || {
                    what(&format!("the weight's gradient[{i}]"))
                });
            }
        }
        (_, Some(weight)) => weight.unchanged(|| what("the weight")),
        _ => {}
    }
}

// Sums.

fn sums<I: Isa>() {
    for row in ORACLES {
        sums_of::<I, f32>(row);
        sums_of::<I, f64>(row);
    }
}

/// Reduced values: within design.md's bound of the exact sum of the terms, and within the terms'
/// own errors of the oracle.
fn sums_of<I: Isa, T: Real>(row: &'static Oracle) {
    let data = Data::<T>::new::<I>(row, LONGEST);
    let wants: Vec<Quantity> = (0..LONGEST).map(|i| data.want(i).0).collect();
    for n in (0..68).chain(BORDERS) {
        let mut args: Vec<_> = data
            .args
            .iter()
            .map(|x| Guarded::holding(&x[..n]))
            .collect();
        let mut call = bare::<T>(n);
        for (operand, arg) in call.args.iter_mut().zip(&mut args) {
            operand.data = arg.ptr();
        }
        // SAFETY: every array has n elements.
        let got = unsafe { (data.loss.run)(row.options, &call) };
        let what = || format!("{} × {n}: sum", data.name());

        let terms = widened(&data.elements.values[..n]);
        let exact = exact_sum(terms.iter().copied());
        let size: f64 = terms.iter().map(|x| x.abs()).sum();
        let mixed = if size > exact.abs() {
            2f64.powi(-40) * size
        } else {
            0.0
        };
        if T::NAME == "f32" {
            let error = (round::<T>(got) - exact).abs();
            assert!(
                error <= T::UNIT * exact.abs() + mixed,
                "{}: {got:e}, exactly {exact:e}",
                what()
            );
        } else {
            assert!(
                (got - exact).abs() <= 2f64.powi(-46) * size,
                "{}: {got:e}",
                what()
            );
        }

        let want = exact_sum(wants[..n].iter().map(|want| want.value));
        let size: f64 = wants[..n].iter().map(|want| want.size).sum();
        let bound = row.bounds.0 * T::UNIT * size + 2f64.powi(-46) * size;
        assert!(
            (got - want).abs() <= bound,
            "{}: {got:e}, want {want:e}",
            what()
        );
    }
}

// Edges.

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;
const LN_2: f64 = core::f64::consts::LN_2;

/// (loss, options, arguments, value, partials); a partial that nothing states is left out.
type Edge = (
    &'static str,
    &'static [f64],
    &'static [f64],
    f64,
    &'static [f64],
);

/// Kinks, ties, infinities and small losses, as semantics.md has them.
#[rustfmt::skip]
static EDGES: &[Edge] = &[
    // Logarithms clamped at −100, the gradient's denominator at 1e-12.
    ("bce", &[], &[0.0, 0.0], 0.0, &[0.0, INF]),
    ("bce", &[], &[1.0, 1.0], 0.0, &[0.0, -INF]),
    ("bce", &[], &[0.0, 1.0], 100.0, &[-1e12, INF]),
    ("bce", &[], &[1.0, 0.0], 100.0, &[1e12, -INF]),
    ("bce", &[], &[0.5, 0.5], LN_2, &[0.0, 0.0]),
    // Small losses keep their digits; infinite logits on the right side cost nothing.
    ("bce_with_logits", &[], &[-15.0, 0.0], 3.059_022_737_137_205e-7, &[3.059_022_269_256_247e-7, 15.0]),
    ("bce_with_logits", &[], &[15.0, 1.0], 3.059_022_737_137_205e-7, &[-3.059_022_269_256_247e-7, -15.0]),
    ("bce_with_logits", &[], &[-80.0, 0.0], 1.804_851_387_845_415e-35, &[1.804_851_387_845_415e-35, 80.0]),
    ("bce_with_logits", &[], &[INF, 1.0], 0.0, &[0.0, -INF]),
    ("bce_with_logits", &[], &[-INF, 0.0], 0.0, &[0.0, INF]),
    ("bce_with_logits", &[], &[INF, 0.0], INF, &[1.0, -INF]),
    ("bce_with_logits", &[], &[-INF, 1.0], INF, &[-1.0, INF]),
    ("bce_with_logits", &[], &[INF, 0.5], INF, &[0.5, -INF]),
    ("bce_with_logits", &[], &[0.0, 0.5], LN_2, &[0.0, 0.0]),
    ("bce_with_logits_weighted", &[], &[15.0, 1.0, 3.0], 9.177_068_211_411_615e-7, &[-9.177_066_807_768_742e-7]),
    ("bce_with_logits_weighted", &[], &[INF, 1.0, 3.0], 0.0, &[0.0]),
    ("bce_with_logits_weighted", &[], &[-INF, 0.0, 3.0], 0.0, &[0.0]),
    ("bce_with_logits_weighted", &[], &[-INF, 1.0, 3.0], INF, &[-3.0]),
    // The clamp of the variance passes the gradient straight through.
    ("gaussian_nll", &[0.25, 0.0], &[1.0, 1.0, 0.0], -LN_2, &[0.0, 2.0, 0.0]),
    ("gaussian_nll", &[0.25, 0.0], &[2.0, 1.0, 0.0], 2.0 - LN_2, &[4.0, -6.0, -4.0]),
    // Hinges: gradient 0 at the bound.
    ("hinge", &[], &[1.0, 1.0], 0.0, &[0.0]),
    ("hinge", &[], &[-1.0, -1.0], 0.0, &[0.0]),
    ("hinge", &[], &[3.0, 1.0], 0.0, &[0.0]),
    ("hinge", &[], &[INF, -1.0], INF, &[1.0]),
    ("squared_hinge", &[], &[1.0, 1.0], 0.0, &[0.0]),
    ("squared_hinge", &[], &[-1.0, 1.0], 4.0, &[-4.0]),
    ("squared_hinge", &[], &[3.0, 1.0], 0.0, &[0.0]),
    ("hinge_embedding", &[1.0], &[1.0, -1.0], 0.0, &[0.0]),
    ("hinge_embedding", &[1.0], &[1.0, 1.0], 1.0, &[1.0]),
    ("hinge_embedding", &[1.0], &[-2.0, 1.0], -2.0, &[1.0]),
    ("hinge_embedding", &[1.0], &[INF, -1.0], 0.0, &[0.0]),
    ("margin_ranking", &[0.0], &[2.0, 2.0, 1.0], 0.0, &[0.0, 0.0]),
    ("margin_ranking", &[0.5], &[2.5, 2.0, 1.0], 0.0, &[0.0, 0.0]),
    ("margin_ranking", &[0.5], &[2.0, 2.0, 1.0], 0.5, &[-1.0, 1.0]),
    ("margin_ranking", &[0.5], &[2.0, 2.0, -3.0], 0.5, &[3.0, -3.0]),
    ("margin_ranking", &[0.5], &[2.0, 2.0, 0.0], 0.5, &[0.0, 0.0]),
    // Errors: ties and the seams of two branches.
    ("l1", &[], &[1.5, 1.5], 0.0, &[0.0, 0.0]),
    ("l1", &[], &[-INF, 1.0], INF, &[-1.0, 1.0]),
    ("mse", &[], &[1.5, 1.5], 0.0, &[0.0, 0.0]),
    ("mse", &[], &[-INF, 1.0], INF, &[-INF, INF]),
    ("smooth_l1", &[2.0], &[3.0, 1.0], 1.0, &[1.0, -1.0]),
    ("smooth_l1", &[2.0], &[1.0, 3.0], 1.0, &[-1.0, 1.0]),
    ("smooth_l1", &[2.0], &[1.0, 1.0], 0.0, &[0.0, 0.0]),
    ("smooth_l1", &[0.0], &[1.0, 1.0], 0.0, &[0.0, 0.0]),
    ("smooth_l1", &[0.0], &[1.0, 4.0], 3.0, &[-1.0, 1.0]),
    ("smooth_l1", &[2.0], &[INF, 1.0], INF, &[1.0, -1.0]),
    ("huber", &[2.0], &[3.0, 1.0], 2.0, &[2.0, -2.0]),
    ("huber", &[2.0], &[1.0, 3.0], 2.0, &[-2.0, 2.0]),
    ("huber", &[2.0], &[1.0, 1.0], 0.0, &[0.0, 0.0]),
    ("huber", &[2.0], &[INF, 1.0], INF, &[2.0, -2.0]),
    ("quantile", &[0.75], &[1.0, 1.0], 0.0, &[0.0, 0.0]),
    ("quantile", &[0.75], &[1.0, 3.0], 1.5, &[-0.75, 0.75]),
    ("quantile", &[0.75], &[3.0, 1.0], 0.5, &[0.25, -0.25]),
    ("log_cosh", &[], &[1.0, 1.0], 0.0, &[0.0, 0.0]),
    ("log_cosh", &[], &[1e-5, 0.0], 4.999_999_999_916_667e-11, &[9.999_999_999_666_667e-6]),
    ("log_cosh", &[], &[0.0, 1000.0], 1000.0 - LN_2, &[-1.0, 1.0]),
    ("log_cosh", &[], &[INF, 0.0], INF, &[1.0, -1.0]),
    // A target of 0 costs nothing; its derivative is NaN, as in PyTorch.
    ("kl_div", &[0.0], &[-1.0, 0.0], 0.0, &[0.0, NAN]),
    ("kl_div", &[0.0], &[-INF, 0.0], 0.0, &[0.0, NAN]),
    ("kl_div", &[0.0], &[-INF, 0.5], INF, &[-0.5, INF]),
    ("kl_div", &[0.0], &[-1.0, 1.0], 1.0, &[-1.0, 2.0]),
    ("kl_div", &[1.0], &[-1.0, -INF], 0.0, &[0.0]),
    ("kl_div", &[1.0], &[-INF, -INF], 0.0, &[0.0]),
    // Stirling's terms only where the target is above 1.
    ("poisson_nll", &[1.0, 1.0, 1e-8], &[0.0, 1.0], 1.0, &[0.0]),
    ("poisson_nll", &[1.0, 1.0, 1e-8], &[0.0, 0.0], 1.0, &[1.0]),
    ("poisson_nll", &[1.0, 1.0, 1e-8], &[0.0, 2.0], 1.651_806_484_604_536, &[-1.0]),
    ("poisson_nll", &[0.0, 0.0, 0.5], &[0.0, 0.0], 0.0, &[1.0]),
    ("poisson_nll", &[0.0, 0.0, 0.5], &[0.5, 3.0], 0.5, &[-2.0]),
    // Stable far out, where exp overflows.
    ("soft_margin", &[], &[-1000.0, 1.0], 1000.0, &[-1.0]),
    ("soft_margin", &[], &[1000.0, 1.0], 0.0, &[0.0]),
    ("soft_margin", &[], &[-INF, 1.0], INF, &[-1.0]),
    ("soft_margin", &[], &[20.0, 1.0], 2.061_153_620_314_381e-9, &[-2.061_153_618_190_204e-9]),
    ("softplus", &[1.0, 20.0], &[21.0], 21.0, &[1.0]),
    ("softplus", &[1.0, 2.0], &[2.0], 2.126_928_011_042_972_6, &[0.880_797_077_977_882_4]),
    ("softplus", &[2.0, 2.0], &[1.5], 1.5, &[1.0]),
    ("softplus", &[1.0, 20.0], &[-INF], 0.0, &[0.0]),
    ("softplus", &[1.0, 20.0], &[INF], INF, &[1.0]),
    ("sigmoid", &[], &[0.0], 0.5, &[0.25]),
    ("sigmoid", &[], &[-INF], 0.0, &[0.0]),
    ("sigmoid", &[], &[INF], 1.0, &[0.0]),
    ("sigmoid", &[], &[40.0], 1.0, &[4.248_354_255_291_589e-18]),
    ("log_sigmoid", &[], &[0.0], -LN_2, &[0.5]),
    ("log_sigmoid", &[], &[-INF], -INF, &[1.0]),
    ("log_sigmoid", &[], &[INF], 0.0, &[0.0]),
    ("log_sigmoid", &[], &[-1000.0], -1000.0, &[1.0]),
    ("log_sigmoid", &[], &[40.0], -4.248_354_255_291_589e-18, &[4.248_354_255_291_589e-18]),
];

fn edges<I: Isa>() {
    for edge in EDGES {
        edge_of::<I, f32>(edge);
        edge_of::<I, f64>(edge);
    }
}

/// Alone, and in a vector with others.
fn edge_of<I: Isa, T: Real>(&(name, options, args, value, partials): &Edge) {
    let loss = find::<I, T>(name);
    for n in [1, 11] {
        let args: Vec<Vec<T>> = args.iter().map(|&x| vec![T::from_f64(x); n]).collect();
        let got = evaluate(&loss, options, &args);
        for i in 0..n {
            let what = || format!("{name} {options:?} × {}: {args:?}", T::NAME);
            assert_close(got.values[i], value, value.abs(), 3.0, what);
            for (got, want) in got.partials.iter().zip(partials) {
                assert_close(got[i], *want, want.abs(), 3.0, what);
            }
        }
    }
}

fn nan_goes_through<I: Isa>() {
    for row in ORACLES {
        nan_of::<I, f32>(row);
        nan_of::<I, f64>(row);
    }
}

fn nan_of<I: Isa, T: Real>(row: &'static Oracle) {
    let loss = find::<I, T>(row.loss);
    for k in 0..loss.args {
        // A number in every domain, beside the NaN.
        let mut args = vec![vec![T::from_f64(1.0); 11]; loss.args];
        for i in [2, 9] {
            args[k][i] = T::from_f64(NAN);
        }
        let values = evaluate(&loss, row.options, &args).values;
        let got: Vec<bool> = values.iter().map(|x| x.to_f64().is_nan()).collect();
        let want: Vec<bool> = (0..11).map(|i| i == 2 || i == 9).collect();
        assert_eq!(got, want, "{} {:?}: argument {k}", row.loss, row.options);
    }
}

/// huber is δ times smoothL1 with β = δ.
#[test]
fn huber_and_smooth_l1() {
    let [huber, smooth_l1] = ["huber", "smooth_l1"].map(find::<Scalar, f64>);
    let mut random = Random(3);
    for delta in [0.25, 1.0, 4.0] {
        let args = [0, 1].map(|_| (0..500).map(|_| REAL.draw(&mut random)).collect());
        let huber = evaluate(&huber, &[delta], &args);
        let smooth_l1 = evaluate(&smooth_l1, &[delta], &args);
        let times = |x: &[f64]| -> Vec<f64> { x.iter().map(|x| delta * x).collect() };
        assert_same(&huber.values, &times(&smooth_l1.values), || "values".into());
        for k in 0..2 {
            assert_same(&huber.partials[k], &times(&smooth_l1.partials[k]), || {
                "partials".into()
            });
        }
    }
}
