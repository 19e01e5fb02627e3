//! Every registered row loss, whatever it computes: the token does not show in a bit, outputs may
//! lie over what they differentiate, nothing around an array is read or written, and a value is the
//! same with gradients and without.

mod common;

use common::{Guarded, Packed, Random, Real, assert_same};
use core::ptr::null_mut;
use fused_loss_kernels::driver::check::Classes;
use fused_loss_kernels::driver::rowwise::{self, Call, Rowwise};
use fused_loss_kernels::driver::tile::Shape;
use fused_loss_kernels::isa::{Isa, Scalar};

/// A registered loss in one dtype: run by the scalar token, or by the packed one.
struct Loss<T> {
    name: &'static str,
    slots: usize,
    runs: [Run<T>; 2],
}

/// # Safety
/// As `driver::rowwise::run`.
type Run<T> = unsafe fn(&[f64], &Call<T>) -> f64;

/// # Safety
/// As `driver::rowwise::run`.
unsafe fn run<I: Isa, T: Real, L: Rowwise<T>>(options: &[f64], call: &Call<T>) -> f64 {
    // SAFETY: as the caller's.
    unsafe { rowwise::run::<I, T>(&L::new(options), call) }
}

macro_rules! entry {
    (rowwise $module:ident $loss:ident) => {
        Some({
            type L = fused_loss_kernels::losses::$module::$loss;
            Loss {
                name: stringify!($module),
                slots: <L as Rowwise<T>>::SLOTS,
                runs: [run::<Scalar, T, L>, run::<Packed, T, L>],
            }
        })
    };
    ($driver:ident $module:ident $loss:ident) => {
        None
    };
}

macro_rules! list {
    ($($driver:ident $module:ident :: $loss:ident;)*) => {
        fn losses<T: Real>() -> impl Iterator<Item = Loss<T>> {
            [$(entry!($driver $module $loss)),*].into_iter().flatten()
        }
    };
}

fused_loss_kernels::registry!(list);

/// Contiguous and strided rows, around the widths of vectors, tiles and the two ways of sweeping.
const SHAPES: [(usize, usize, usize); 12] = [
    (1, 4, 1),
    (9, 4, 1),
    (150, 4, 1),
    (3, 7, 1),
    (5, 31, 1),
    (2, 32, 1),
    (3, 37, 1),
    (1, 4099, 1),
    (2, 4, 5),
    (2, 4, 9),
    (1, 4, 150),
    (2, 33, 17),
];

/// Rows of four where the loss is of boxes, which have no other layout.
fn fits(name: &str, (_, classes, inner): (usize, usize, usize)) -> bool {
    !name.ends_with("iou") || (classes == 4 && inner == 1)
}

/// What a call gives.
#[derive(Clone, Debug, PartialEq)]
struct Outcome<T> {
    reduced: u64,
    arrays: Vec<Vec<T>>,
}

/// The arrays of a batch. Elements lie in [0, 1), where every loss is at home; class indices serve
/// as targets and, being lists that end nowhere, as lists.
struct Batch<T> {
    shape: Shape,
    args: [Vec<T>; 3],
    index: Vec<i32>,
    weight: Vec<T>,
    grad_outputs: Vec<T>,
}

impl<T: Real> Batch<T> {
    fn new((outer, classes, inner): (usize, usize, usize)) -> Self {
        let shape = Shape {
            outer,
            classes,
            inner,
        };
        let n = outer * classes * inner;
        let mut random = Random(n as u64);
        let mut array = |n| {
            (0..n)
                .map(|_| T::from_f64(random.unit()))
                .collect::<Vec<T>>()
        };
        Batch {
            shape,
            args: [array(n), array(n), array(n)],
            weight: array(classes),
            grad_outputs: array(n),
            index: (0..n).map(|i| (i * 7 % classes) as i32).collect(),
        }
    }

    /// `in_place` puts gradients over what they are of; without `grads` there are none.
    fn call(&self, loss: &Loss<T>, which: usize, form: Form) -> Outcome<T> {
        let what = || format!("{} {:?} {form:?}", loss.name, self.shape);
        let Shape { classes, .. } = self.shape;
        let (rows, n) = (self.shape.rows(), self.args[0].len());
        let mut args = self.args.each_ref().map(|x| Guarded::holding(x));
        let mut weight = Guarded::holding(&self.weight);
        let mut grad_outputs = Guarded::holding(&self.grad_outputs);
        let mut scratch = Guarded::blank(self.shape.scratch(loss.slots) as usize);
        let mut values = Guarded::blank(if form.none { rows } else { 0 });
        let mut grads =
            [(); 3].map(|()| Guarded::blank(if form.grads && !form.in_place { n } else { 0 }));
        let mut call = Call::new(self.shape, args[0].ptr(), scratch.ptr());
        call.other = args[1].ptr();
        call.third = args[2].ptr();
        call.classes = Classes {
            index: self.index.as_ptr(),
            count: classes,
            ignore: None,
        };
        call.weight = weight.ptr();
        call.divisor = Some(if form.none { 1.0 } else { 3.0 });
        if form.none {
            call.values = values.ptr();
            call.grad_outputs = grad_outputs.ptr();
        }
        // The third operand of a loss that differentiates but two is left alone.
        let wanted = |k: usize, grads: &mut [Guarded<T>; 3], args: &mut [Guarded<T>; 3]| {
            if form.in_place {
                args[k].ptr()
            } else if form.grads {
                grads[k].ptr()
            } else {
                null_mut()
            }
        };
        call.input_grad = wanted(0, &mut grads, &mut args);
        call.other_grad = wanted(1, &mut grads, &mut args);
        call.third_grad = wanted(2, &mut grads, &mut args);
        // Softmax and its like have no value alone.
        let options = [1.0, 0.5, 0.25, 1.0, 0.0, 0.0, 0.0, 0.0];
        // SAFETY: every pointer is valid for the shape, and every index below the classes.
        let reduced = unsafe { (loss.runs[which])(&options, &call) };
        let mut arrays = vec![values.checked(what)];
        let outputs = if form.in_place { args } else { grads };
        arrays.extend(outputs.map(|x| x.checked(what)));
        let _ = (
            scratch.checked(what),
            weight.checked(what),
            grad_outputs.checked(what),
        );
        Outcome {
            reduced: reduced.to_bits(),
            arrays,
        }
    }
}

/// How a call is made.
#[derive(Clone, Copy, Debug)]
struct Form {
    none: bool,
    grads: bool,
    in_place: bool,
}

fn check<T: Real>() {
    for loss in losses::<T>() {
        // Functions write no gradient but a result, which they always want.
        let function = loss.name.ends_with("softmax");
        for shape in SHAPES.into_iter().filter(|&shape| fits(loss.name, shape)) {
            let batch = Batch::<T>::new(shape);
            for none in [false, true] {
                let form = Form {
                    none,
                    grads: true,
                    in_place: false,
                };
                let want = batch.call(&loss, 0, form);
                let same = |got: Outcome<T>, what: &str, skip: usize| {
                    let what = format!("{} {shape:?} none={none} {what}", loss.name);
                    assert_eq!(got.reduced, want.reduced, "{what}: reduced");
                    for (k, (got, want)) in
                        got.arrays.iter().zip(&want.arrays).enumerate().skip(skip)
                    {
                        // An output that the loss does not have is left as it was.
                        if want.iter().any(|x| x.bits() != T::SENTINEL.bits()) {
                            assert_same(got, want, || format!("{what}: array {k}"));
                        }
                    }
                };
                same(batch.call(&loss, 1, form), "packed", 0);
                for which in 0..2 {
                    let in_place = Form {
                        in_place: true,
                        ..form
                    };
                    same(batch.call(&loss, which, in_place), "in place", 0);
                    if !function {
                        let alone = batch.call(
                            &loss,
                            which,
                            Form {
                                grads: false,
                                ..form
                            },
                        );
                        assert_eq!(
                            alone.reduced, want.reduced,
                            "{} {shape:?}: value alone",
                            loss.name
                        );
                        assert_same(&alone.arrays[0], &want.arrays[0], || {
                            format!("{} values alone", loss.name)
                        });
                    }
                }
            }
        }
    }
}

#[test]
fn single() {
    check::<f32>();
}

#[test]
fn double() {
    check::<f64>();
}
