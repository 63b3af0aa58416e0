"""``python -m wordsight.config`` prints the JSON schema that is kept in ``config/schema.json``."""

import json

from wordsight.config.experiment import Config

if __name__ == "__main__":
    print(json.dumps(Config.model_json_schema(), indent=2, sort_keys=True))
