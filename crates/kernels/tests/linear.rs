//! linearCrossEntropy against what it is made of: products as matrix.rs defines them, and the row
//! kernel of crossEntropy on all logits at once. Bit for bit, whatever the chunk.

#[macro_use]
mod common;

use common::{Guarded, Random, Real, assert_same, rounded, same};
use core::ptr::null;
use fused_loss_kernels::driver::check::Classes;
use fused_loss_kernels::driver::rowwise::{self, Rowwise};
use fused_loss_kernels::driver::tile::Shape;
use fused_loss_kernels::driver::whole::{Call, Whole};
use fused_loss_kernels::isa::Isa;
use fused_loss_kernels::losses::cross_entropy::CrossEntropy;
use fused_loss_kernels::losses::linear_cross_entropy::LinearCrossEntropy;
use fused_loss_kernels::matrix::{Matrix, Product, multiply, scratch};

per_token!(its_parts, in_place, no_rows, no_width,);

/// Arguments of a call.
#[derive(Clone)]
struct Given<T> {
    rows: usize,
    width: usize,
    classes: usize,
    input: Vec<T>,
    weight: Vec<T>,
    bias: Option<Vec<T>>,
    index: Vec<i32>,
    /// In place of the indices.
    target: Option<Vec<T>>,
    class_weight: Option<Vec<T>>,
    smoothing: f64,
    grad_outputs: Option<Vec<T>>,
    divisor: Option<f64>,
}

/// Value, values, and gradients by input, weight and bias.
struct Found<T> {
    value: f64,
    values: Vec<T>,
    grads: [Vec<T>; 3],
}

fn given<T: Real>([rows, width, classes]: [usize; 3], variant: usize) -> Given<T> {
    let mut random = Random((rows * width + classes) as u64);
    let mut drawn = |n: usize| -> Vec<T> {
        rounded(
            &(0..n)
                .map(|_| random.between(-1.0, 1.0))
                .collect::<Vec<_>>(),
        )
    };
    let (input, weight) = (drawn(rows * width), drawn(classes * width));
    let bias = (variant % 2 == 1).then(|| drawn(classes));
    let target = (variant == 3).then(|| drawn(rows * classes));
    let class_weight = (variant == 2).then(|| drawn(classes));
    let grad_outputs = (variant == 2).then(|| drawn(rows));
    let class = |row: usize| {
        if row % 5 == 3 {
            -100
        } else {
            (row * 7 % classes) as i32
        }
    };
    Given {
        rows,
        width,
        classes,
        input,
        weight,
        bias,
        index: (0..rows).map(class).collect(),
        target,
        class_weight,
        smoothing: if variant == 1 { 0.1 } else { 0.0 },
        grad_outputs,
        divisor: (variant >= 2).then_some(1.0),
    }
}

const fn pointer<T>(x: Option<&Vec<T>>) -> *const T {
    match x {
        Some(x) => x.as_ptr(),
        None => null(),
    }
}

/// The composition, from parts that have tests of their own.
fn composed<I: Isa, T: Real>(g: &Given<T>) -> Found<T> {
    let (r, w, c) = (g.rows, g.width, g.classes);
    let product = |size: [usize; 3], a: Matrix<T>, b: Matrix<T>, mut to: Vec<T>, add: bool| {
        let mut panels = vec![T::SENTINEL; scratch(size)];
        let product = Product {
            size,
            a,
            b,
            c: to.as_mut_ptr(),
            c_rows: size[2],
            add,
        };
        // SAFETY: the arrays have these sizes.
        unsafe { multiply::<I, T>(&product, panels.as_mut_ptr()) };
        to
    };
    let of = |x: &[T], rows: usize, columns: usize| Matrix {
        data: x.as_ptr(),
        rows,
        columns,
    };
    let blank = |n: usize| vec![T::SENTINEL; n];
    let start: Vec<T> = match &g.bias {
        Some(bias) => (0..r).flat_map(|_| bias.iter().copied()).collect(),
        None => blank(r * c),
    };
    let (x, weight) = (of(&g.input, w, 1), of(&g.weight, 1, w));
    let logits = product([r, w, c], x, weight, start, g.bias.is_some());
    let loss = <CrossEntropy as Rowwise<T>>::new(&[g.smoothing, 0.0, 0.0]);
    let shape = Shape {
        outer: r,
        classes: c,
        inner: 1,
    };
    let slots = <CrossEntropy as Rowwise<T>>::SLOTS;
    let mut tile = blank(shape.scratch(slots) as usize);
    let mut grad = blank(r * c);
    let mut values = blank(r);
    let mut call = rowwise::Call {
        other: pointer(g.target.as_ref()),
        classes: Classes {
            index: g.index.as_ptr(),
            count: c,
            ignore: Some(-100),
        },
        weight: pointer(g.class_weight.as_ref()),
        divisor: g.divisor,
        grad_output: -1.5,
        grad_outputs: pointer(g.grad_outputs.as_ref()),
        input_grad: grad.as_mut_ptr(),
        ..rowwise::Call::new(shape, logits.as_ptr(), tile.as_mut_ptr())
    };
    // SAFETY: the arrays have these sizes.
    let value = unsafe { rowwise::run::<I, T>(&loss, &call) };
    call.values = values.as_mut_ptr();
    // SAFETY: the arrays have these sizes.
    unsafe { rowwise::run::<I, T>(&loss, &call) };
    let by_input = product(
        [r, c, w],
        of(&grad, c, 1),
        of(&g.weight, w, 1),
        blank(r * w),
        false,
    );
    let by_weight = product([c, r, w], of(&grad, 1, c), x, blank(c * w), false);
    let by_bias = (0..c)
        .map(|class| T::from_f64((0..r).fold(0.0, |sum, row| sum + grad[row * c + class].to_f64())))
        .collect();
    Found {
        value,
        values,
        grads: [by_input, by_weight, by_bias],
    }
}

/// The loss itself, with guards around all that it writes. `wanted` are gradients, `over` whether
/// they are written over their arguments.
fn run<I: Isa, T: Real>(
    g: &Given<T>,
    chunk: usize,
    wanted: [bool; 3],
    over: bool,
    reduced: bool,
) -> Found<T> {
    let loss = <LinearCrossEntropy as Whole<T>>::new(&[g.smoothing]);
    let mut input = Guarded::holding(&g.input);
    let mut weight = Guarded::holding(&g.weight);
    let mut bias = Guarded::holding(g.bias.as_deref().unwrap_or(&[]));
    let mut values = Guarded::blank(if reduced { 0 } else { g.rows });
    let sizes = [g.input.len(), g.weight.len(), g.classes];
    let mut grads: [Guarded<T>; 3] = core::array::from_fn(|k| Guarded::blank(sizes[k]));
    let mut call = Call::new([g.rows, g.width, g.classes, chunk]);
    call.args[0] = input.ptr();
    call.args[1] = weight.ptr();
    if g.bias.is_some() {
        call.args[2] = bias.ptr();
    }
    call.args[3] = pointer(g.target.as_ref());
    call.index[0] = g.index.as_ptr();
    call.ignore = Some(-100);
    call.weight = pointer(g.class_weight.as_ref());
    call.divisor = g.divisor;
    call.grad_output = -1.5;
    call.grad_outputs = pointer(g.grad_outputs.as_ref());
    if !reduced {
        call.values = values.ptr();
    }
    let places = [input.ptr(), weight.ptr(), bias.ptr()];
    for k in (0..3).filter(|&k| wanted[k]) {
        call.grads[k] = if over { places[k] } else { grads[k].ptr() };
    }
    let bytes = loss.scratch(&call) as usize;
    let mut memory = Guarded::<f64>::blank(bytes / 8 + 1);
    // Guarded memory is aligned for elements, scratch for vectors.
    let start = memory.ptr();
    call.scratch = start.cast::<u8>().wrapping_add(start.align_offset(16) * 8);
    // SAFETY: the arrays have these sizes.
    let value = unsafe { loss.run::<I>(&call) };
    let what = |name: &str| format!("{name}, chunk {chunk}");
    memory.checked(|| what("scratch"));
    let [input, weight, bias] = [(input, "input"), (weight, "weight"), (bias, "bias")]
        .map(|(x, name)| x.checked(|| what(name)));
    let apart = grads.map(|grad| grad.checked(|| what("gradient")));
    if !over {
        assert_same(&input, &g.input, || what("input"));
        assert_same(&weight, &g.weight, || what("weight"));
    }
    Found {
        value,
        values: values.checked(|| what("values")),
        grads: if over { [input, weight, bias] } else { apart },
    }
}

const SIZES: [[usize; 3]; 5] = [
    [1, 3, 5],
    [9, 4, 40],
    [300, 5, 7],
    [270, 3, 37],
    [128, 2, 1],
];

fn each<T: Real>(check: impl Fn(&Given<T>, &str)) {
    for size in SIZES {
        for variant in 0..4 {
            check(
                &given(size, variant),
                &format!("{} {size:?}, variant {variant}", T::NAME),
            );
        }
    }
}

fn its_parts<I: Isa>() {
    fn of<I: Isa, T: Real>() {
        each::<T>(|g, what| {
            let want = composed::<I, T>(g);
            for chunk in [0, 1, 128, 129, 1000] {
                let all = [true, true, g.bias.is_some()];
                let got = run::<I, T>(g, chunk, all, false, true);
                assert!(
                    same(got.value, want.value),
                    "{what}, chunk {chunk}: {} for {}",
                    got.value,
                    want.value
                );
                for k in (0..3).filter(|&k| all[k]) {
                    assert_same(&got.grads[k], &want.grads[k], || {
                        format!("{what}, chunk {chunk}, gradient {k}")
                    });
                }
                let got = run::<I, T>(g, chunk, all, false, false);
                assert_same(&got.values, &want.values, || {
                    format!("{what}, chunk {chunk}, values")
                });
            }
            // Without some or all of the gradients.
            for subset in 0..8 {
                let wanted = [
                    subset & 1 > 0,
                    subset & 2 > 0,
                    subset & 4 > 0 && g.bias.is_some(),
                ];
                let got = run::<I, T>(g, 128, wanted, false, true);
                assert!(same(got.value, want.value), "{what}, gradients {wanted:?}");
                for (k, &wanted) in wanted.iter().enumerate() {
                    let blank = vec![T::SENTINEL; got.grads[k].len()];
                    let expected = if wanted { &want.grads[k] } else { &blank };
                    assert_same(&got.grads[k], expected, || {
                        format!("{what}, gradient {k} of {subset}")
                    });
                }
            }
        });
    }
    of::<I, f32>();
    of::<I, f64>();
}

fn in_place<I: Isa>() {
    each::<f32>(|g, what| {
        let want = composed::<I, f32>(g);
        let all = [true, true, g.bias.is_some()];
        for chunk in [0, 128] {
            let got = run::<I, f32>(g, chunk, all, true, true);
            assert!(same(got.value, want.value), "{what}");
            for k in (0..3).filter(|&k| all[k]) {
                assert_same(&got.grads[k], &want.grads[k], || {
                    format!("{what}, gradient {k} in place")
                });
            }
        }
    });
}

fn no_rows<I: Isa>() {
    for over in [false, true] {
        let mut g = given::<f64>([1, 3, 4], 1);
        g.rows = 0;
        g.input.clear();
        let got = run::<I, f64>(&g, 0, [true; 3], over, true);
        assert!(got.value.is_nan());
        assert_eq!(got.grads, [vec![], vec![0.0; 12], vec![0.0; 4]]);
        g.divisor = Some(2.0);
        assert_eq!(run::<I, f64>(&g, 0, [true; 3], over, true).value, 0.0);
    }
}

/// The logits are the bias, or 0.
fn no_width<I: Isa>() {
    let mut g = given::<f64>([2, 0, 4], 0);
    let got = run::<I, f64>(&g, 0, [true; 3], false, true);
    assert!((got.value - 4f64.ln()).abs() < 1e-15);
    g.bias = Some(vec![0.0, 0.0, 0.0, 40.0]);
    g.index = vec![3, 3];
    let got = run::<I, f64>(&g, 0, [true; 3], false, true);
    assert!((got.value / (3.0 * (-40f64).exp()) - 1.0).abs() < 1e-12);
}

#[test]
fn memory_grows_with_the_chunk() {
    let loss = <LinearCrossEntropy as Whole<f32>>::new(&[0.0]);
    let (rows, width, classes) = (1 << 20, 512, 1 << 17);
    let bytes = |chunk: usize| loss.scratch(&Call::<f32>::new([rows, width, classes, chunk]));
    let logits = |chunk: u64| chunk * classes as u64 * 4;
    assert!(bytes(0) < logits(128) + (1 << 24), "{}", bytes(0));
    assert_eq!(bytes(1), bytes(128));
    assert_eq!(bytes(1280) - bytes(128), logits(1280 - 128));
    // More than there are addresses in wasm, and still a number.
    assert!(bytes(rows) > 1 << 32);
}
