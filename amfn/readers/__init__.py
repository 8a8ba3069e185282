"""From files to records: `open_folder` finds them, `read_record` or `read_ref` reads one.

Units are converted here alone.
"""

from __future__ import annotations

from amfn.readers.channels import ADMISSION, CHALLENGE2012, REFERENCE_SOURCE
from amfn.readers.folder import Folder, RecordRef, open_folder
from amfn.readers.formats import read_record, read_ref

__all__ = [
    "ADMISSION",
    "CHALLENGE2012",
    "REFERENCE_SOURCE",
    "Folder",
    "RecordRef",
    "open_folder",
    "read_record",
    "read_ref",
]
