import json
from pathlib import Path

STANDARD = json.loads((Path(__file__).parents[2] / "data" / "rates.json").read_text())["standard"]
