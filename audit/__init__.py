"""Audits: what a model says of every record of a cohort and why, written as partitioned Parquet and read with DuckDB.

Engine: `run_audit`. Reading: `open_audit`.
"""

from audit.engine import run_audit as run_audit
from audit.opened import Audit as Audit
from audit.opened import open_audit as open_audit
from audit.plan import Manifest as Manifest
from audit.plan import Settings as Settings
