"""Runs a command in a process that has loaded everything before.

`todo warm on` starts a *parent*. It imports the program, and forks *workers*
ahead of time. A *client* is the process that a shell starts: before it loads
anything, it looks for the parent's socket. Where there is one, it hands its
arguments, environment, folder, limits and standard streams to a worker, which
runs that one command and ends. Else the client runs the command itself: cold.

The client connects to `place.Place.socket`. The parent accepts, passes the
connection to an idle worker, and never reads it. Then client and worker talk,
in messages of `wire.py`:

    client                                  worker
                                       <-   HELLO            here I am
    REQUEST fields, and 4 descriptors  ->
                                       <-   COLD reason      run it yourself
                                       <-   READY pid, ...   I can run it
    GO                                 ->
                                       <-   BEGUN            nothing ran before
                                       <-   PAGE words, pipe start this pager
    PAGED status                       ->                    it has ended
                                       <-   END status

Until the client sends GO, it may give up and run cold: the worker then sees
the end of the connection, and ends. The worker opens and prints nothing
before BEGUN, so a connection that ends before BEGUN is no harm either. After
BEGUN the command is never run again. If the connection ends before END, the
worker has died, and the client reports that: OUTCOME_UNKNOWN for a write.

A pager is a child of the client, because a worker is not in the session of its
terminal: Ctrl-C would not reach it. It reads what the worker writes into the
pipe that comes with PAGE; few commands have one.

The client forwards signals to the worker (`client.py`). If the client dies,
the worker ends itself at once, as a cold process would have died.

Between parent and worker there is a socket pair, the *channel*. The parent
sends a client's connection through it; the worker sends back `hit`,
`cold REASON` or `changed`. When the parent dies, an idle worker sees the end
of its channel, removes the socket and ends; a busy one ends its command first.

After a command on a server has ended well, its worker sends STORE, and a pipe
with what is needed to connect there again (`cli/ready.py`). The parent passes
the pipe on to one idle worker by DIAL, and reads none of it. That one connects
and waits, and says so by LINE, with the name of the server; by LINE without a
name it says that it has no connection any more. It gets the next client.
So nothing dials but right after a command, and then once.

Shell completion asks by ASK (`question.py`), in the place of REQUEST. A worker
that is connected answers with rows, tells the parent IDLE, and waits on; one that
is not answers without rows, and ends. `todo warm status` asks by STATE.

Arrows: `warm` imports `cli`. Only `__main__` and completion import the client, and
only the command `todo warm` imports `control`.
"""
