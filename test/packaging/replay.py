"""Plays a tape of calls (test/support/tape.ts) in wasmtime, a WebAssembly runtime without JavaScript, and compares every bit.

    python replay.py <module.wasm> <tape>
"""

import math
import struct
import sys

from wasmtime import Engine, Func, Instance, Module, Store

BUFFER, FREED, WRITTEN, CALL, ANSWER = range(1, 6)


class Tape:
    def __init__(self, data: bytes):
        self.data = data
        self.at = 0

    def read(self, form: str):
        values = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return values if len(values) != 1 else values[0]

    def bytes(self, count: int) -> bytes:
        self.at += count
        return self.data[self.at - count : self.at]

    def next(self) -> int:
        return self.data[self.at] if self.at < len(self.data) else 0


def instantiate(store: Store, module: Module):
    """An instance whose imports do nothing: they are for JavaScript's objects, which the kernels do not know."""
    stubs = [Func(store, each.type, lambda *_, results=each.type.results: 0 if results else None) for each in module.imports]
    instance = Instance(store, module, stubs)
    exports = instance.exports(store)
    exports["__wbindgen_start"](store)
    return exports


def same(a: bytes, b: bytes, form: str) -> bool:
    """Whether they have the same bits, but for those of NaN, which nothing promises."""
    if a == b:
        return True
    numbers = zip(struct.iter_unpack("<" + form, a), struct.iter_unpack("<" + form, b))
    size = struct.calcsize("<" + form)
    return all(
        a[k * size : (k + 1) * size] == b[k * size : (k + 1) * size] or (math.isnan(x) and math.isnan(y))
        for k, ((x,), (y,)) in enumerate(numbers)
    )


def play(path: str, tape: Tape) -> int:
    store = Store(Engine())
    exports = instantiate(store, Module.from_file(store.engine, path))
    memory = exports["memory"]
    tape.read("I")
    buffers: dict[int, bytearray] = {}
    calls = 0

    def change(into: dict[int, bytearray], address: int, data: bytes):
        """Takes down what a buffer holds."""
        for start, known in into.items():
            if start <= address < start + len(known):
                known[address - start : address - start + len(data)] = data

    while kind := tape.next():
        tape.at += 1
        if kind == BUFFER:
            address, size = tape.read("II")
            buffers[address] = bytearray(size)
            memory.write(store, bytes(size), address)
        elif kind == FREED:
            del buffers[tape.read("I")]
        elif kind == WRITTEN:
            address, size = tape.read("II")
            data = tape.bytes(size)
            memory.write(store, data, address)
            change(buffers, address, data)
        elif kind == CALL:
            name = tape.bytes(tape.read("B")).decode()
            args = [tape.read("d") for _ in range(tape.read("B"))]
            result = tape.read("d")
            call = exports[name]
            given = [arg if str(wanted) == "f64" else int(arg) for arg, wanted in zip(args, call.type(store).params)]
            got = call(store, *given)
            if got is not None and not same(struct.pack("<d", got), struct.pack("<d", result), "d"):
                sys.exit(f"call {calls}, {name}: {got!r} for {result!r}")
            while tape.next() == ANSWER:
                tape.at += 1
                address, size = tape.read("II")
                change(buffers, address, tape.bytes(size))
            form = "f" if args[0] == 0 else "d"
            for address, known in buffers.items():
                held = bytes(memory.read(store, address, address + len(known)))
                if not same(held, known, form):
                    sys.exit(f"call {calls}, {name}: memory differs")
                if held != known:
                    memory.write(store, bytes(known), address)
            calls += "buffer_" not in name
        else:
            sys.exit(f"no record of kind {kind}")
    return calls


if __name__ == "__main__":
    with open(sys.argv[2], "rb") as file:
        print(f"{play(sys.argv[1], Tape(file.read()))} calls, the same bits")
