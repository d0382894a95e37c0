"""`python -m tidewire.load`."""

import sys

from tidewire.load import main

sys.exit(main())
