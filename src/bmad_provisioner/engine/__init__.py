"""Engine: runs graphs of tasks; knows nothing of files, skills, agents or code."""
