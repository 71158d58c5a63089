"""What is said: the text of every line in Chinese and English, the log file, the console."""
