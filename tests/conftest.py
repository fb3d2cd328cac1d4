"""What all tests share: none of them may read or change what past runs on this machine have taught."""

import os

os.environ["MODELWRIGHT_MEMORY"] = "off"
os.environ.pop("MODELWRIGHT_LLM", None)
