"""`otrfast bench`: its output and files. No test depends on speed."""

import json
import os
import re
import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from otrfast.apps import bench
from otrfast.apps.bench import chart, engines, machine, metrics, report
from otrfast.apps.bench.metrics import BY_NAME, stand_in
from otrfast.apps.bench.rounds import FULL, QUICK, Figures
from otrfast.errors import BackendUnavailable, LocalError
from otrfast.limits import Limits

from .program import otrfast

OURS = "pure" if os.environ.get("OTRFAST_PURE") == "1" else "native-gmp"
PAGE = "before\n<!-- figures: begin -->\nold\n<!-- figures: end -->\nafter\n"


@pytest.fixture
def figures():
    """Two rounds of three engines; the second round was twice as slow for all."""
    made = Figures()
    made.samples = {
        "native-gmp": {"ake": [[1.0, 1.0, 9.0], [2.0]], "ping_batch": [[0.5], [1.0]]},
        "pure": {"ake": [[40.0], [80.0]]},
        "libotr": {"ake": [[10.0], [20.0, 20.0]], "ping_100": [[4.0], [8.0]]},
    }
    return made


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A short run of two of our engines, with all output files."""
    place = tmp_path_factory.mktemp("bench")
    (place / "page.md").write_text(PAGE)
    done = otrfast(
        "bench", "--quick", "--only", "ake", "--only", "burst_100", "--only", "idle",
        "--engine", OURS, "--engine", "gmpy2",
        "--json", str(place / "figures.json"), "--markdown", str(place / "page.md"),
    )  # fmt: skip
    return done, place


def test_bench_prints_figures_of_each_engine(measured):
    done, _ = measured
    shown = done.stdout.decode()
    assert done.returncode == 0, done.stderr
    assert "processor" in shown
    for word in (OURS, "gmpy2", "key exchange", "burst, 100 B", "idle peer"):
        assert word in shown


def test_bench_writes_every_sample_as_json(measured):
    _, place = measured
    found = json.loads((place / "figures.json").read_text())
    assert set(found["metrics"]) == {"ake", "burst_100", "idle"}
    ours = found["metrics"]["ake"]["engines"][OURS]
    assert len(ours["rounds"]) == 3
    assert all(sample > 0 for samples in ours["rounds"] for sample in samples)
    assert min(map(min, ours["rounds"])) <= ours["median"] <= max(map(max, ours["rounds"]))
    assert ours["times_libotr"] is None


def test_bench_writes_tables_between_the_marks_of_a_page(measured):
    _, place = measured
    page = (place / "page.md").read_text()
    assert page.startswith("before\n<!-- figures: begin -->")
    assert page.endswith("<!-- figures: end -->\nafter\n")
    assert "| key exchange | /s |" in page
    assert "old" not in page


def test_bench_tells_nothing_of_where_files_lie(measured):
    done, place = measured
    assert not re.search(r"\.so|/(home|usr|root|tmp)\b", done.stdout.decode())
    assert not re.search(r"\.so|/(home|usr|root|tmp)\b", (place / "page.md").read_text())


@pytest.mark.long
@pytest.mark.skipif(
    shutil.which("cc") is None or not Path("/usr/include/libotr/proto.h").exists(),
    reason="libotr's development files are not installed",
)
def test_bench_measures_libotr_and_draws_the_ratios(tmp_path):
    drawn = tmp_path / "ratios.svg"
    done = otrfast(
        "bench", "--quick", "--only", "burst_many_100", "--only", "idle",
        "--engine", "gmpy2", "--engine", "libotr", "--chart", str(drawn),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    shown = " ".join(done.stdout.decode().split())  # a narrow table breaks its title
    assert "times better than libotr" in shown
    assert "libotr 4." in shown
    assert ET.parse(drawn).getroot().tag.endswith("svg")


def test_bench_without_the_source_tree_says_that_libotr_is_left_out(monkeypatch, tmp_path):
    monkeypatch.setattr(engines, "_LIBOTR_SOURCE", tmp_path / "libotr_bench.c")
    known = engines.Engines(tmp_path)
    assert known.start("libotr") is None
    assert "source tree" in known.absent["libotr"]


def test_bench_where_libotr_does_not_compile_says_what_to_install(monkeypatch, tmp_path):
    broken = tmp_path / "libotr_bench.c"
    broken.write_text("#include <no/such/header.h>\n")
    monkeypatch.setattr(engines, "_LIBOTR_SOURCE", broken)
    known = engines.Engines(tmp_path)
    assert known.start("libotr") is None
    assert "libotr5-dev" in known.absent["libotr"] or "compiler" in known.absent["libotr"]


def test_bench_with_no_engine_fails(monkeypatch, capsys):
    monkeypatch.setattr(engines.shutil, "which", lambda name: None)
    arguments = ("--quick", "--only", "ake", "--engine", "libotr")
    parser = bench.argparse.ArgumentParser()
    bench.register(parser.add_subparsers())
    chosen = parser.parse_args(["bench", *arguments])
    assert chosen.run(chosen) == 1
    assert "libotr is left out" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["ratios.pdf", "ratios"])
def test_bench_with_an_unknown_kind_of_chart_refuses_before_it_measures(tmp_path, name):
    done = otrfast("bench", "--chart", str(tmp_path / name))
    assert done.returncode == 1
    assert b".svg or .png" in done.stderr


def test_bench_with_a_page_without_marks_refuses_before_it_measures(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("no marks")
    done = otrfast("bench", "--markdown", str(page))
    assert done.returncode == 1
    assert b"expected the marks" in done.stderr
    assert page.read_text() == "no marks"


def test_png_chart_without_its_library_names_it(monkeypatch, tmp_path):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(chart, "import_module", missing)
    with pytest.raises(LocalError, match="cairosvg"):
        chart.check(tmp_path / "ratios.png")


def test_ratio_compares_within_each_round(figures):
    assert figures.ratio("native-gmp", BY_NAME["ake"], "libotr") == 10
    assert figures.ratio("pure", BY_NAME["ake"], "libotr") == 0.25


def test_ratio_where_a_peer_has_no_such_call_takes_what_it_has(figures):
    assert stand_in("libotr", BY_NAME["ping_batch"]) == "ping_100"
    assert figures.ratio("native-gmp", BY_NAME["ping_batch"], "libotr") == 8


def test_tables_and_chart_show_one_ratio_and_figures_agree_with_it(figures):
    """The second round of the C core was slow alone: medians and ratios would differ by half."""
    figures.samples["native-gmp"]["ake"] = [[1.0], [1.5], [4.0]]
    figures.samples["libotr"]["ake"] = [[10.0], [20.0], [20.0]]
    figures.samples["pure"]["ake"] = [[40.0], [80.0], [90.0]]
    ake = [BY_NAME["ake"]]
    assert report.ratio(figures, "native-gmp", ake[0], "libotr") == 10
    assert report.figure(figures, "libotr", ake[0]) == 20
    assert report.figure(figures, "native-gmp", ake[0]) == 2
    assert report.ratios_grid(figures, ake, "libotr").rows[0][1] == "10.0x"
    assert report.claims_grid(figures, ake).rows == [["key exchange", "0.05 /s", "10.0x"]]
    assert bench._groups(figures, ake)[0].ratios["native-gmp"] == 10


def test_ratio_to_python_potr_follows_from_both_ratios_to_libotr(figures):
    figures.samples["python-potr"] = {"ake": [[30.0], [80.0]], "ping_100": [[20.0], [40.0]]}
    for name, both in (("ake", 10 * 2 / (10 / 30 + 20 / 80)), ("ping_batch", 8 * 5)):
        metric = BY_NAME[name]
        assert report.ratio(figures, "native-gmp", metric, "python-potr") == pytest.approx(both)


def test_figure_without_a_reference_is_the_median_of_all_samples(figures):
    del figures.samples["libotr"]
    assert report.figure(figures, "native-gmp", BY_NAME["ake"]) == 1.5
    assert report.ratio(figures, "pure", BY_NAME["ake"], "libotr") is None


def test_bench_writes_what_an_earlier_run_has_kept(figures, tmp_path, capsys):
    kept = tmp_path / "figures.json"
    measured = [BY_NAME[name] for name in ("ake", "ping_100", "ping_batch")]
    kept.write_text(json.dumps(report.as_json(figures, measured, {"processor": "a tall one"})))
    start = tmp_path / "start.md"
    start.write_text("<!-- claims: begin -->old<!-- claims: end -->")
    parser = bench.argparse.ArgumentParser()
    bench.register(parser.add_subparsers())
    files = {"figures": kept, "claims": start}
    files |= {"chart": tmp_path / "chart.svg", "markdown": tmp_path / "page.md"}
    options = [word for name, path in files.items() for word in (f"--{name}", str(path))]
    chosen = parser.parse_args(["bench", *options])
    assert chosen.run(chosen) == 0
    assert "a tall one" in capsys.readouterr().out
    assert "| key exchange | 0.05 /s | 10.0x |" in start.read_text()
    assert "old" not in start.read_text()
    assert "10.0x" in (tmp_path / "chart.svg").read_text()
    assert "| key exchange | /s | 0.50 | 0.01 | 0.05 |" in (tmp_path / "page.md").read_text()


@pytest.mark.parametrize("content", ["no JSON", "[]", '{"metrics": {"ake": {}}}', "{}"])
def test_bench_refuses_a_file_that_holds_no_figures(content, tmp_path):
    kept = tmp_path / "figures.json"
    kept.write_text(content)
    done = otrfast("bench", "--figures", str(kept))
    assert done.returncode == 1
    assert b"otrfast: " in done.stderr
    assert b"Traceback" not in done.stderr


def test_ratio_of_what_was_not_measured_is_none(figures):
    assert figures.ratio("gmpy2", BY_NAME["ake"], "libotr") is None
    assert figures.ratio("pure", BY_NAME["ake"], "python-potr") is None
    assert figures.ratio("pure", BY_NAME["threads_ake"], "libotr") is None


def test_targets_name_metrics_that_exist():
    assert {target.metric for target in metrics.TARGETS} <= set(BY_NAME)


def test_target_that_is_missed_is_marked(figures):
    figures.samples["native-gmp"]["ake"] = [[9.0], [18.0]]
    rows = report.targets_grid(figures).rows
    assert next(row for row in rows if row[0] == "key exchange")[3].endswith("short")
    assert all("short" not in row[6] for row in rows)


@pytest.mark.parametrize(
    ("value", "text"), [(0.1234, "0.12"), (9.876, "9.88"), (12.34, "12.3"), (1234.5, "1,230")]
)
def test_significant_keeps_what_says_something(value, text):
    assert report.significant(value) == text


def test_chart_draws_a_bar_for_each_ratio():
    groups = [
        chart.Group("a < b", {"native-ifma": 100.0, "pure": 0.5}),
        chart.Group("c", {"pure": 1.0}),
    ]
    root = ET.fromstring(chart.svg("Title & more", groups))
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"Title & more", "a < b", "c", "100x", "0.50x", "1.00x"} <= set(texts)
    bars = list(root.iter("{http://www.w3.org/2000/svg}rect"))
    assert any(text.startswith("logarithmic axis") for text in texts)
    assert len(bars) == 3 + 2  # and one for each engine in the legend
    assert all(float(bar.get("width")) > 0 for bar in bars)


def test_machine_is_described_without_a_path():
    told = machine.describe({"native-ifma": {"level": "ifma", "gmp": "6.3.0 (/a/path/gmpy2.so)"}})
    assert told["gmp"] == "6.3.0 (of gmpy2)"
    assert told["native-ifma"] == "level ifma"
    assert told["processor"]


def test_claims_and_chart_when_new_rows_were_measured_then_have_those_for_people(figures):
    rows = [BY_NAME[name] for name in ("first_contact", "at_random_1k", "send_p99", "receive_p99")]
    for engine, seconds in (("native-gmp", 1.0), ("libotr", 4.0)):
        figures.samples[engine] |= {row.name: [[seconds]] for row in rows}
    claims = [row[0] for row in report.claims_grid(figures, rows).rows]
    assert claims == ["first contact", "burst, 100 B, among 1,000 peers"]
    assert [group.title for group in bench._groups(figures, rows)] == claims
    shown = {row[0]: row[1:] for row in report.figures_grid(figures, rows).rows}
    assert shown["send, 99th percentile"] == ["us", "1,000,000", "-", "4,000,000"]


def test_quick_run_then_leaves_out_what_takes_long_unless_it_is_asked_for(monkeypatch):
    wanted = []

    def measure(console, variants, chosen, effort):
        wanted.append({metric.name for metric in chosen})
        return Figures()

    monkeypatch.setattr(bench, "measure", measure)
    parser = bench.argparse.ArgumentParser()
    bench.register(parser.add_subparsers())
    for options in ([], ["--quick"], ["--quick", "--only", "at_random_10k"]):
        bench._measured(parser.parse_args(["bench", *options]))
    assert wanted == [set(BY_NAME), set(BY_NAME) - {"at_random_10k"}, {"at_random_10k"}]


@pytest.mark.parametrize("effort", [QUICK, FULL], ids=["quick", "full"])
def test_storm_then_has_more_strangers_than_are_answered_at_once(effort):
    assert effort.many(BY_NAME["storm"]) > Limits().account_ake_rate


def test_worker_that_dies_is_reported():
    engine = engines.Engine(["sh", "-c", "exit 3"], "libotr", introduces_itself=False)
    with pytest.raises(BackendUnavailable, match="libotr stopped with 3"):
        engine.ask("ake", 1)
    engine.close()
