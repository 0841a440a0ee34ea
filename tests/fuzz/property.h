/* SPDX-License-Identifier: Apache-2.0 */
/* What fuzz targets share: a property that does not hold ends the process. */
#ifndef PN_TESTS_PROPERTY_H
#define PN_TESTS_PROPERTY_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void
property_check(bool holds, const char *text, const char *file, int line)
{
    if (!holds) {
        fprintf(stderr, "%s:%d: not so: %s\n", file, line, text);
        abort();
    }
}

#define property(holds) property_check((holds), #holds, __FILE__, __LINE__)

static inline struct pn_str
input(const uint8_t *data, size_t size)
{
    return (struct pn_str){(const char *) data, size};
}

/* Cut the input at its first line end; the rest is empty if there is none. */
static inline void
input_halves(const uint8_t *data, size_t size, struct pn_str *first,
             struct pn_str *second)
{
    *first = input(data, size);
    *second = (struct pn_str){"", 0};
    (void) pn_str_cut(*first, '\n', first, second);
}

#endif
