"""The C targets: compiled with libFuzzer, ASan and UBSan, and seeded by code."""

from __future__ import annotations

import os
import random
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from csrc import build

HERE = Path(__file__).resolve().parent
TARGETS = ("line", "base64", "group", "dsa")
SLOWEST = 1  # seconds that one input may take

_SANITIZERS = "address,undefined"
_FLAGS = ("-std=c11", "-O1", "-g", "-fno-omit-frame-pointer", "-fno-sanitize-recover=undefined")
_MOST_BYTES = {"line": 9000, "base64": 2048, "group": 640, "dsa": 1700}


def libfuzzer(directory: Path) -> str:
    """Return a clang that has libFuzzer; without one the test is skipped, or fails in CI."""
    clang = build.tool("clang")
    source = directory / "probe.c"
    source.write_text(
        "#include <stddef.h>\n#include <stdint.h>\n"
        "int LLVMFuzzerTestOneInput(const uint8_t *d, size_t n);\n"
        "int LLVMFuzzerTestOneInput(const uint8_t *d, size_t n) { (void)d; (void)n; return 0; }\n"
    )
    command = [clang, f"-fsanitize=fuzzer,{_SANITIZERS}", source, "-o", directory / "probe"]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        build.missing("libFuzzer is not installed (libclang-rt-14-dev)")
    return clang


def compiled(directory: Path, targets: tuple[str, ...] = TARGETS) -> dict[str, Path]:
    """Compile the core and these targets; returns the programs by name."""
    clang = libfuzzer(directory)
    flags = (*_FLAGS, *build.INCLUDES, *build.WARNINGS)
    core = [(source, "fuzzer-no-link") for source in build.sources()]
    jobs = [*core, *((HERE / f"fuzz_{name}.c", "fuzzer") for name in targets)]

    def compile_one(job: tuple[Path, str]) -> Path:
        source, fuzzer = job
        name = build.object_name(source) if build.CORE in source.parents else f"{source.stem}.o"
        output = directory / name
        build.run(clang, *flags, f"-fsanitize={fuzzer},{_SANITIZERS}", "-c", source, "-o", output)
        return output

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(compile_one, jobs))
    programs = {}
    for name, output in zip(targets, objects[len(core) :], strict=True):
        programs[name] = directory / f"fuzz_{name}"
        build.run(
            clang,
            f"-fsanitize=fuzzer,{_SANITIZERS}",
            output,
            *objects[: len(core)],
            "-o",
            programs[name],
            "-ldl",
            "-lm",
        )
    return programs


def sow(name: str, corpus: Path) -> None:
    """Write the seeds of a target into a directory."""
    corpus.mkdir(exist_ok=True)
    for number, seed in enumerate(_SEEDS[name](random.Random(name))):
        (corpus / f"seed-{number:02}").write_bytes(seed)


def fuzz(name: str, program: Path, corpus: Path, *options: str) -> subprocess.CompletedProcess:
    """Run a target with libFuzzer's options."""
    environment = os.environ | {
        "FUZZ_GMP": build.gmp(),
        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    }
    most = f"-max_len={_MOST_BYTES[name]}"
    artifacts = f"-artifact_prefix={corpus.parent}/{name}-"
    return subprocess.run(
        [program, most, artifacts, *options, corpus],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def _lines(draw: random.Random) -> list[bytes]:
    """One message to four, of each kind, texts from empty to long, with and without a TLV."""

    def message(kind: int, text: bytes, counter: int) -> bytes:
        fields = counter.to_bytes(8, "big") + len(text).to_bytes(4, "big") + text + bytes(24)
        if kind == 0:
            fields = b"?OTR:" + fields.hex().encode() + b"."
        if kind == 2:
            fields = b"\0\0\0\1\2" + fields
        asked = min(len(fields), 4095)
        head = bytes((kind, asked >> 4, asked & 15)) + (b"\0" if kind > 1 else b"")
        return head + fields

    seeds = []
    for level in range(4):
        for kind in range(5):
            for size in (0, 1, 30, 1000):
                many = level + 4 * draw.randrange(4)
                messages = [message(kind, draw.randbytes(size), n) for n in range(1, 5)]
                seeds.append(bytes((many,)) + b"".join(messages))
    return seeds


def _texts(draw: random.Random) -> list[bytes]:
    sizes = (0, 1, 2, 3, 23, 24, 25, 31, 32, 47, 48, 49, 64, 65, 1000)
    raw = [draw.randbytes(size) for size in sizes]
    text = [b"QUJD" * (size // 4) + end for size in sizes for end in (b"", b"QQ==", b"QUI=", b"!")]
    return [bytes((level,)) + each for level in range(4) for each in (*raw, *text)]


def _exponents(draw: random.Random) -> list[bytes]:
    return [
        bytes((level, draw.randrange(256), a, b)) + draw.randbytes(192)
        for level in range(4)
        for a in range(9)
        for b in range(9)
    ]


def _keys(draw: random.Random) -> list[bytes]:
    shapes = [bytes((level | 0x80, shape)) for level in range(4) for shape in (0, 1, 16, 240)]
    shapes += [bytes((level, shape)) for level in range(4) for shape in (0, 5, 10, 15, 0x40)]
    return [shape + draw.randbytes(1600) for shape in shapes]


_SEEDS = {"line": _lines, "base64": _texts, "group": _exponents, "dsa": _keys}
