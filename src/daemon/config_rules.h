/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each key of the configuration may be: one row a key.  For config.c,
 * which knows the file's syntax; any thread.
 */
#ifndef PN_DAEMON_CONFIG_RULES_H
#define PN_DAEMON_CONFIG_RULES_H

#include "base/log.h"

/* NULL when the value is fine, else what it should be. */
typedef const char *pn_config_check_fn(struct pn_str value);

struct pn_config_rule {
    const char *key;
    pn_config_check_fn *text; /* NULL = a number between min and max */
    long min, max;
    bool in_section; /* once in each section, not once in the file */
};

extern const struct pn_config_rule pn_config_rules[];
extern const size_t pn_config_rule_count; /* at most 64 */

/* The name of a section; as a pn_config_check_fn. */
const char *pn_config_check_name(struct pn_str value);

bool pn_config_is_postgres(struct pn_str url);
/* An octal mode that lets its owner read and write; false leaves *out. */
bool pn_config_mode(struct pn_str value, unsigned *out);
bool pn_config_level(struct pn_str value, enum pn_log_level *out);

#endif
