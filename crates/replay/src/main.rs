//! Plays a tape of calls (test/support/tape.ts) in native Rust, where overflows and failed assertions
//! are caught, and compares what each leaves in memory with what it left there in WebAssembly.
//!
//! `fused-loss-replay <tape>` ends with the number of calls, or names the first that differs.

/// The very text that is compiled to WebAssembly.
#[path = "../../bindings/src/lib.rs"]
mod bindings;

use bindings::block;
use std::alloc::{Layout, alloc, dealloc};
use std::collections::BTreeMap;
use std::process::ExitCode;

/// What the host passes and gets are numbers; addresses are positions in the memory.
struct Player {
    /// Of float64, for its alignment.
    memory: Vec<f64>,
    expected: Vec<u8>,
    /// Size by address: what the host has allocated.
    buffers: BTreeMap<usize, usize>,
}

/// Reads numbers and bytes off a tape.
struct Tape<'a>(&'a [u8]);

impl<'a> Tape<'a> {
    fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (head, rest) = self.0.split_at(count);
        self.0 = rest;
        head
    }
    fn byte(&mut self) -> usize {
        usize::from(self.bytes(1)[0])
    }
    fn size(&mut self) -> usize {
        u32::from_le_bytes(self.bytes(4).try_into().expect("four bytes")) as usize
    }
    fn number(&mut self) -> f64 {
        f64::from_le_bytes(self.bytes(8).try_into().expect("eight bytes"))
    }
}

/// The kinds of records.
mod record {
    /// The host has allocated, and cleared: address, size.
    pub const BUFFER: usize = 1;
    /// The host has freed: address.
    pub const FREED: usize = 2;
    /// The host has written: address, length, bytes.
    pub const WRITTEN: usize = 3;
    /// A call: name, arguments, result.
    pub const CALL: usize = 4;
    /// What the call has written: address, length, bytes.
    pub const ANSWER: usize = 5;
}

/// Slots of a call block.
const SLOTS: usize = block::WEIGHT + block::OPERAND;

/// Those that hold addresses, or 0.
fn addresses() -> impl Iterator<Item = usize> {
    [
        block::GRAD_OUTPUTS,
        block::VALUES,
        block::WEIGHT_GRAD,
        block::TERMS,
    ]
    .into_iter()
    .chain(block::GRADS..block::GRADS + 4)
    .chain(block::INDEX..block::IGNORE)
    .chain((0..5).map(|k| block::OPERANDS + k * block::OPERAND))
}

/// Runs the export of a name.
macro_rules! dispatch {
    ($name:expr, $dtype:expr, $block:expr; $($driver:ident $module:ident :: $loss:ident;)*) => {
        match $name {
            "multiply" => bindings::multiply($dtype, $block),
            $(stringify!($module) => bindings::$module($dtype, $block),)*
            other => panic!("no export {other}"),
        }
    };
}
macro_rules! dispatch_kernels {
    ($($entries:tt)*) => {
        fn run_kernel(name: &str, dtype: u32, block: *mut f64) -> f64 {
            dispatch!(name, dtype, block; $($entries)*)
        }
    };
}
fused_loss_kernels::registry!(dispatch_kernels);

impl Player {
    fn native(&mut self) -> &mut [u8] {
        let bytes = self.memory.len() * 8;
        // SAFETY: the same memory, seen as bytes.
        unsafe { core::slice::from_raw_parts_mut(self.memory.as_mut_ptr().cast(), bytes) }
    }

    fn write(&mut self, address: usize, bytes: &[u8]) {
        self.native()[address..address + bytes.len()].copy_from_slice(bytes);
    }

    /// Runs a call with its addresses turned into pointers.
    fn call(&mut self, name: &str, args: &[f64]) -> f64 {
        let number = |k: usize| args[k] as usize;
        let from = number(1) / 8;
        let slots: Vec<usize> = match name {
            "check_domain" => vec![number(2)],
            "check_classes" | "check_lists" => vec![number(0)],
            "sum_rows" => vec![number(1), number(4)],
            _ => addresses()
                .map(|slot| self.memory[from + slot] as usize)
                .collect(),
        };
        let parts = Parts::new(self, &slots);
        let at = |address: usize| parts.pointer(address) as usize;
        let value = match name {
            "check_domain" => {
                bindings::check_domain(args[0] as u32, args[1] as u32, at(number(2)), number(3))
            }
            "check_classes" => bindings::check_classes(
                parts.pointer(number(0)).cast(),
                number(1),
                number(2),
                args[3],
            ),
            "check_lists" => bindings::check_lists(at(number(0)), number(1), number(2)),
            "sum_rows" => {
                bindings::sum_rows(
                    args[0] as u32,
                    at(number(1)),
                    number(2),
                    number(3),
                    at(number(4)),
                );
                0.0
            }
            _ => {
                let mut block = self.memory[from..from + SLOTS].to_vec();
                for slot in addresses() {
                    block[slot] = at(block[slot] as usize) as f64;
                }
                let value = run_kernel(name, args[0] as u32, block.as_mut_ptr());
                self.memory[from + block::MISSING] = block[block::MISSING];
                value
            }
        };
        parts.copy_back(self);
        value
    }

    /// The first address at which a buffer is not as it was left in WebAssembly. A NaN, whose bits
    /// nothing promises, gets those that it has there.
    fn difference(&mut self, single: bool) -> Option<usize> {
        let buffers: Vec<_> = self
            .buffers
            .iter()
            .map(|(&at, &size)| at..at + size)
            .collect();
        let expected = core::mem::take(&mut self.expected);
        let native = self.native();
        let size = if single { 4 } else { 8 };
        let mut found = None;
        for buffer in buffers {
            if native[buffer.clone()] == expected[buffer.clone()] {
                continue;
            }
            found = found.or(buffer
                .clone()
                .step_by(size)
                .find(|&at| differs(&native[at..at + size], &expected[at..at + size])));
            native[buffer.clone()].copy_from_slice(&expected[buffer]);
        }
        self.expected = expected;
        found
    }
}

/// The memory that a call may touch, each operand in an allocation of its own: what a kernel reads or
/// writes beside it meets the address sanitizer.
struct Parts(BTreeMap<usize, (*mut u8, usize)>);

impl Parts {
    /// An operand ends where the next begins, or where its buffer does.
    fn new(player: &mut Player, slots: &[usize]) -> Self {
        let mut ends: BTreeMap<usize, usize> = BTreeMap::new();
        for &address in slots {
            // A slot that the call does not use may hold what an older one left.
            let buffer = player.buffers.range(..=address).next_back();
            if let Some((&from, &size)) = buffer.filter(|&(&from, &size)| address <= from + size) {
                ends.insert(address, from + size);
            }
        }
        let starts: Vec<_> = ends.iter().map(|(&from, &end)| (from, end)).collect();
        let next = starts
            .iter()
            .skip(1)
            .map(|&(from, _)| from)
            .chain([usize::MAX]);
        let native = player.native();
        let place = |(&(from, end), next): (&(usize, usize), usize)| {
            let bytes = &native[from..end.min(next)];
            // SAFETY: the size is not 0.
            let data = unsafe { alloc(layout(bytes.len())) };
            assert!(!data.is_null(), "out of memory");
            // SAFETY: the allocation is fresh and has room for them.
            unsafe { data.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
            (from, (data, bytes.len()))
        };
        Self(starts.iter().zip(next).map(place).collect())
    }

    /// Null for null, and for what no buffer holds.
    fn pointer(&self, address: usize) -> *mut u8 {
        self.0
            .get(&address)
            .map_or(core::ptr::null_mut(), |&(data, _)| data)
    }

    fn copy_back(self, player: &mut Player) {
        let native = player.native();
        for (from, (data, size)) in self.0 {
            // SAFETY: allocated with this layout, and read before it is freed.
            unsafe {
                native[from..from + size].copy_from_slice(core::slice::from_raw_parts(data, size));
                dealloc(data, layout(size));
            }
        }
    }
}

/// Exactly so many bytes, but one for none.
fn layout(size: usize) -> Layout {
    Layout::from_size_align(size.max(1), 16).expect("a layout")
}

/// Whether two numbers have different bits, unless both are NaN, whose bits nothing promises.
fn differs(a: &[u8], b: &[u8]) -> bool {
    let nan = |bytes: &[u8]| match bytes.try_into() {
        Ok(four) => f32::from_le_bytes(four).is_nan(),
        Err(_) => f64::from_le_bytes(bytes.try_into().expect("eight bytes")).is_nan(),
    };
    a != b && !(nan(a) && nan(b))
}

/// Plays the whole tape and counts its calls.
fn play(mut tape: Tape) -> Result<usize, String> {
    let bytes = tape.size();
    let mut player = Player {
        memory: vec![0.0; bytes.div_ceil(8)],
        expected: vec![0; bytes],
        buffers: BTreeMap::new(),
    };
    let mut calls = 0;
    while !tape.0.is_empty() {
        match tape.byte() {
            record::BUFFER => {
                let (address, size) = (tape.size(), tape.size());
                player.buffers.insert(address, size);
                player.write(address, &vec![0; size]);
                player.expected[address..address + size].fill(0);
            }
            record::FREED => {
                player.buffers.remove(&tape.size());
            }
            record::WRITTEN => {
                let (address, length) = (tape.size(), tape.size());
                let bytes = tape.bytes(length);
                player.write(address, bytes);
                player.expected[address..address + length].copy_from_slice(bytes);
            }
            record::CALL => {
                let length = tape.byte();
                let name = core::str::from_utf8(tape.bytes(length))
                    .expect("a name")
                    .to_owned();
                let count = tape.byte();
                let args: Vec<f64> = (0..count).map(|_| tape.number()).collect();
                let result = tape.number();
                // The records of buffers say what there is to know of them.
                if name.contains("buffer_") {
                    continue;
                }
                let value = player.call(&name, &args);
                if value.to_bits() != result.to_bits() && !(value.is_nan() && result.is_nan()) {
                    return Err(format!("call {calls}, {name}: {value:e} for {result:e}"));
                }
                while tape.0.first() == Some(&(record::ANSWER as u8)) {
                    tape.byte();
                    let (address, length) = (tape.size(), tape.size());
                    player.expected[address..address + length].copy_from_slice(tape.bytes(length));
                }
                if let Some(address) = player.difference(args[0] == 0.0) {
                    return Err(format!("call {calls}, {name}: memory differs at {address}"));
                }
                calls += 1;
            }
            other => return Err(format!("no record of kind {other}")),
        }
    }
    Ok(calls)
}

fn main() -> ExitCode {
    let Some(path) = std::env::args().nth(1) else {
        eprintln!("usage: fused-loss-replay <tape>");
        return ExitCode::FAILURE;
    };
    let outcome = std::fs::read(&path)
        .map_err(|error| format!("{path}: {error}"))
        .and_then(|bytes| play(Tape(&bytes)));
    match outcome {
        Ok(calls) => {
            println!("{calls} calls, the same bits");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
