/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two processes of "postern up": started in groups of their own, so that
 * Ctrl-C reaches postern alone and both end in order; watched; ended.
 */
#ifndef PN_CLI_UP_PROCESS_H
#define PN_CLI_UP_PROCESS_H

#include <sys/types.h>

#include "cli/cli.h"

struct pn_child {
    const char *name;   /* "nginx" */
    char **argv;        /* ends with NULL */
    const char *output; /* file for standard output and error */
    enum { FRESH_OUTPUT = 0, KEEP_OUTPUT } keep; /* from the last run */
    const char *log; /* where its last words are, if not in output */
    int stop;        /* the signal that ends it cleanly */
    pid_t pid;       /* 0 = not running */
    bool ended;
    int status; /* of waitpid, once it has ended */
};

/* Blocks the signals that pn_children_wait() takes; before any start. */
void pn_children_init(void);

PN_MUST_USE enum pn_exit pn_child_start(struct pn_child *child);

enum pn_event {
    PN_EVENT_NOTHING = 0, /* the time is over */
    PN_EVENT_STOP,        /* SIGINT, SIGTERM or SIGHUP */
    PN_EVENT_ENDED,       /* a child has pid 0 now and a status */
};

/* Waits for something to happen, at most ms milliseconds; -1 = for ever. */
enum pn_event pn_children_wait(struct pn_child *children, size_t count, int ms);

/* Ends it: its signal, patience, SIGTERM, SIGKILL; a second Ctrl-C shortens
 * that.  No process of its group is left. */
void pn_child_stop(struct pn_child *child);

/* "nginx ended with status 1", and its last lines. */
void pn_child_say_end(const struct pn_child *child, struct pn_arena *arena);

#endif
