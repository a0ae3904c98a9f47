"""What the line says: prompts and fragments per language, as audio for the phone and as text for SMS."""
