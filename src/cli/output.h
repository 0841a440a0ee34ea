/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Long answers to a new file (mode 0600; one that is there is left alone) or to
 * standard output, with a progress by lines.
 */
#ifndef PN_CLI_OUTPUT_H
#define PN_CLI_OUTPUT_H

#include <stdio.h>

#include "base/progress.h"
#include "cli/cli.h"

struct pn_output {
    FILE *file;
    const char *path; /* NULL = standard output */
    bool failed;
    uint64_t lines;
    struct pn_progress progress;
};

/* what is for the progress: "exported". */
PN_MUST_USE enum pn_exit pn_output_open(struct pn_output *out, const char *path,
                                        const char *what);

/* A sink (connect.h); arg is the struct pn_output. */
bool pn_output_take(void *arg, struct pn_str piece);

/* rc is what became of it so far; a file that cannot be written is an error,
 * and one that is not whole is said. */
PN_MUST_USE enum pn_exit pn_output_close(struct pn_output *out,
                                         enum pn_exit rc);

#endif
