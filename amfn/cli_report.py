"""`python -m amfn report`: one record's estimate and explanation as PDF, HTML and FHIR."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from amfn.cli_answer import AlarmAt, AlarmType, CheckpointOption, RecordArgument, answered
from amfn.cli_explain import stored_report

SAMPLES = Path(__file__).resolve().parent.parent / "sample_data"


def report(
    record: RecordArgument,
    out: Annotated[Path, typer.Option(help="Folder to write into; made if need be.")] = Path(),
    formats: Annotated[str, typer.Option("--format", help="pdf, html, fhir, with commas between.")] = "pdf,html,fhir",
    without: Annotated[
        str, typer.Option(help="Modalities to switch off, with commas between: what would it say without them?")
    ] = "",
    checkpoint: CheckpointOption = None,
    alarm_type: AlarmType = None,
    alarm_at: AlarmAt = None,
) -> None:
    """Write one record's report: A4 PDF, one HTML file, FHIR R4 RiskAssessment. A record of the sample cohort gives the
    files its name, any other its hash."""
    from report.content import content_of
    from report.files import folder_for, formats_of, rendered, write

    kinds, folder = formats_of(formats), folder_for(out)
    whole, found = answered(record, checkpoint, alarm_type, alarm_at)
    content = content_of(
        found.checkpoint,
        whole,
        off=tuple(name for name in (part.strip() for part in without.split(",")) if name),
        simulated=record.resolve().is_relative_to(SAMPLES),
        audited=stored_report(found.checkpoint),
    )
    for path in write(rendered(content, kinds), folder):
        typer.echo(str(path))
