/* SPDX-License-Identifier: Apache-2.0 */
/* Members of a JSON object; what is not of the wanted kind ends the program. */
#ifndef PN_TESTS_MEMBERS_H
#define PN_TESTS_MEMBERS_H

#include "base/json.h"
#include "core/record.h"

enum { LIST_MAX = PN_GROUPS_MAX };

void check_members(const char *what, json_t *object, const char *names);
const char *text_of(json_t *object, const char *name, const char *otherwise);
const char *name_of(json_t *object, const char *name); /* must be there */
bool flag_of(json_t *object, const char *name, bool otherwise);
unsigned choice_of(json_t *object, const char *name, const char *words);
int64_t instant_of(json_t *object, const char *name);
bool list_of(json_t *object, const char *name, const char **out,
             uint16_t *count);

#endif
