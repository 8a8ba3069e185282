"""`python -m amfn …`"""

from __future__ import annotations

from amfn.cli import main

if __name__ == "__main__":
    main()
