"""A load of real calls for servers that forward media, to hold one beside another: ours and Janus.

Parties do real ICE and DTLS (`legs`), send made-up Opus and VP8 at fixed rates (`media`), and get everybody's. Once they are connected their
sockets leave the event loop for one thread (`driver`) that sends what is due and reads, a hundred times a second and many at once, the clear
headers of what has arrived (`drain`): with the kernel's time of arrival, so when it is read does not matter.
"""
