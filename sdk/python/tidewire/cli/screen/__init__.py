"""The full-screen chat. Needs Textual: `pip install 'tidewire[cli]'`."""
