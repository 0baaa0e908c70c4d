"""Pure: sleap-nn with our commands, run by the Python of the environment where sleap-nn is installed.

    /env/bin/python .../sleap_nn_runner /env/bin/sleap-nn train --config-name FILE ++section.name=value ...

That environment knows nothing of sleap_rtc: the folder is given by its path, and imports what lies beside it.
"""
