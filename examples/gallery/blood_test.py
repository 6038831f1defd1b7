"""A blood test with optional analyses.

A sample is drawn, and the analyses that the doctor asked for run side by side: one, several or all
of them. The report waits for those that were begun, and for no others. Without a sample that can be
used, what was begun is called off.

Reference: Workflow Patterns, multi-choice and structured synchronizing merge, "Pattern 6
(Multi-Choice)".
"""

from examples.gallery.ledger import Result, do, undo
from sagas import Context, Parallel, Saga, SagaStep


def draw_sample(context: Context) -> Result:
    return do("draw_sample", context, sample="sample-1")


def discard_sample(context: Context) -> None:
    undo("discard_sample", context)


def count_cells(context: Context) -> Result:
    return do("count_cells", context, cells=4_700_000)


def measure_glucose(context: Context) -> Result:
    return do("measure_glucose", context, glucose=5.1)


def measure_lipids(context: Context) -> Result:
    return do("measure_lipids", context, lipids=1.2)


def annul_analysis(context: Context) -> None:
    undo("annul_analysis", context)


def write_report(context: Context) -> Result:
    found = {key: context[key] for key in ("cells", "glucose", "lipids") if key in context}
    return do("write_report", context, report=found)


blood_test = Saga(
    "blood_test",
    [
        SagaStep("draw_sample", draw_sample, discard_sample),
        Parallel(
            SagaStep("count_cells", count_cells, annul_analysis, when="analyses.cells"),
            SagaStep("measure_glucose", measure_glucose, annul_analysis, when="analyses.glucose"),
            SagaStep("measure_lipids", measure_lipids, annul_analysis, when="analyses.lipids"),
        ),
        SagaStep("write_report", write_report),
    ],
)
