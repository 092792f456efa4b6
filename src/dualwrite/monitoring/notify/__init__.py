"""How people are told of alerts: by e-mail, and by the webhooks of their chats."""
