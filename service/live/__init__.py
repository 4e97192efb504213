"""Live lifting: sessions of frames that arrive one by one."""
