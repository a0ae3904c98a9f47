"""What texts are made of: alphabets, characters that are not cut, parts."""
