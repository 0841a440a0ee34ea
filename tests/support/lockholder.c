/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Usage: lockholder GENERATION_DIR
 *
 * What a compromised nginx worker could do: take LMDB's writer lock and keep
 * it.  Says "held" and waits to be killed.
 */
#include <lmdb.h>
#include <stdio.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
    static const char held[] = "held\n";
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;

    if (argc != 2 || mdb_env_create(&env) != 0
        || mdb_env_set_mapsize(env, (size_t) 1 << 30) != 0
        || mdb_env_open(env, argv[1], 0, 0640) != 0
        || mdb_txn_begin(env, NULL, 0, &txn) != 0)
    {
        (void) fprintf(stderr, "lockholder: cannot take the lock\n");
        return 1;
    }
    if (write(STDOUT_FILENO, held, sizeof(held) - 1) < 0) {
        return 1;
    }
    for (;;) {
        (void) pause();
    }
}
