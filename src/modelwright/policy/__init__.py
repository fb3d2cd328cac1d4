"""Built-in judgement: what the loop does at each step of reasoning when nobody else decides."""
