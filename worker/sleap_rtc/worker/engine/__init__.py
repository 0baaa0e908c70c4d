"""Pure: what engines share that can be steered while they train: the messages, the steering, the picture.

The reference trainer uses it, and sleap-nn by way of our runner, which runs in another environment
and gets this folder by its path. It imports the standard library, pyzmq, numpy and pillow, and no more.
"""
