/* Counts the instructions a program executes under qemu, all threads together: a plugin for count.py. It writes the
 * count so far each time the program asks for its parent's number, and at the end. With the argument `blocks=on` it also
 * writes, at the end, how often each block of instructions was executed, where it lies and in which function.
 *
 * One addition a translation block, so it slows the program little. A block left half way (a fault, a signal) counts
 * whole; a computing program has none that matter. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <glib.h>
#include <qemu-plugin.h>

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_VERSION;

static qemu_plugin_u64 executed;

/* One for each place and length: qemu may translate a block again. */
struct block {
    uint64_t start;
    uint64_t length;
    const char *function;
    qemu_plugin_u64 executed;
};

/* None unless asked for. */
static GHashTable *blocks;
static GMutex blocks_turn;

static void count_block(struct qemu_plugin_tb *translated)
{
    struct block key = {.start = qemu_plugin_tb_vaddr(translated), .length = qemu_plugin_tb_n_insns(translated)};
    g_mutex_lock(&blocks_turn);
    char name[64];
    snprintf(name, sizeof name, "%" PRIx64 " %" PRIu64, key.start, key.length);
    struct block *block = g_hash_table_lookup(blocks, name);
    if (block == NULL) {
        const char *function = qemu_plugin_insn_symbol(qemu_plugin_tb_get_insn(translated, 0));
        block = g_new(struct block, 1);
        *block = key;
        block->function = g_strdup(function != NULL && *function != '\0' ? function : "?");
        block->executed = qemu_plugin_scoreboard_u64(qemu_plugin_scoreboard_new(sizeof(uint64_t)));
        g_hash_table_insert(blocks, g_strdup(name), block);
    }
    g_mutex_unlock(&blocks_turn);
    qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(translated, QEMU_PLUGIN_INLINE_ADD_U64, block->executed, 1);
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *block)
{
    (void)id;
    qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(
        block, QEMU_PLUGIN_INLINE_ADD_U64, executed, qemu_plugin_tb_n_insns(block));
    if (blocks != NULL) {
        count_block(block);
    }
}

static void report(qemu_plugin_id_t id, void *data)
{
    char line[64];
    (void)id;
    (void)data;
    snprintf(line, sizeof line, "executed %" PRIu64 "\n", qemu_plugin_u64_sum(executed));
    qemu_plugin_outs(line);
}

/* `block ADDRESS LENGTH TIMES FUNCTION`. */
static void report_block(gpointer key, gpointer value, gpointer data)
{
    const struct block *block = value;
    uint64_t times = qemu_plugin_u64_sum(block->executed);
    (void)key;
    (void)data;
    if (times != 0) {
        char *line = g_strdup_printf("block %" PRIx64 " %" PRIu64 " %" PRIu64 " %s\n",
                                     block->start, block->length, times, block->function);
        qemu_plugin_outs(line);
        g_free(line);
    }
}

static void finished(qemu_plugin_id_t id, void *data)
{
    report(id, data);
    if (blocks != NULL) {
        g_hash_table_foreach(blocks, report_block, NULL);
    }
}

/* getppid: of no other use to a computing program, so programs that know of this count mark places with it. */
enum { MARK = 173 };

static void called(qemu_plugin_id_t id, unsigned int cpu, int64_t number, uint64_t a, uint64_t b, uint64_t c,
                   uint64_t d, uint64_t e, uint64_t f, uint64_t g, uint64_t h)
{
    (void)cpu, (void)a, (void)b, (void)c, (void)d, (void)e, (void)f, (void)g, (void)h;
    if (number == MARK) {
        report(id, NULL);
    }
}

QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv)
{
    (void)info;
    executed = qemu_plugin_scoreboard_u64(qemu_plugin_scoreboard_new(sizeof(uint64_t)));
    if (argc > 0 && strcmp(argv[0], "blocks=on") == 0) {
        blocks = g_hash_table_new(g_str_hash, g_str_equal);
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_vcpu_syscall_cb(id, called);
    qemu_plugin_register_atexit_cb(id, finished, NULL);
    return 0;
}
