"""What the tests share: real engines, and the words that tests are written in."""
