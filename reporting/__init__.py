"""What a training process calls: the reporter, and the channel through which its events leave."""
