"""Who may ask for what: keys, sessions, links, rates and blocked prompts."""
