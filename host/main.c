/* SPDX-License-Identifier: MIT
 * The command line: one table of commands, one table of options. */
#define _DEFAULT_SOURCE
#include <getopt.h>
#include <limits.h>
#include <locale.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "analyze.h"
#include "compare.h"
#include "deliver.h"
#include "failed.h"
#include "interrupt.h"
#include "memory.h"
#include "order.h"
#include "publish.h"
#include "qc.h"
#include "report.h"
#include "report_merge.h"
#include "shaders.h"
#include "shards.h"
#include "verify.h"

enum { MOST_WORDS = 64 }; /* of an option that is given several times */
struct arguments {
  const char *output, *device, *only, *manifest, *junit;
  struct render_options render;
  int shard, n_shards; /* render */
  int plan_shards;     /* plan */
  enum progress_mode progress;
  struct compare_limits limits;
  const char *layout, *companions[MOST_WORDS], *qc_limits[MOST_WORDS]; /* qc */
  int n_companions, n_qc_limits;
  bool dry_run, quick, json, quiet, help;
  int n_files;
  char **files;
};

/* ---- options ---- */

enum { /* commands, as their options name them */
  RENDER = 1, VERIFY = 2, COMPARE = 4, REPORT = 8, DEVICES = 16, PLAN = 32,
  OTHER = 64, /* no options */
  ANALYZE = 128, QC = 256,
  ANY = RENDER | VERIFY | COMPARE | REPORT | DEVICES | PLAN | ANALYZE | QC | OTHER
};
struct option_row {
  int commands;     /* that take it */
  const char *name; /* long option */
  char letter;      /* short one, 0: none */
  const char *value, *help;
  bool (*set)(struct arguments *, const char *value); /* false: value not accepted */
};

static bool set_output(struct arguments *a, const char *v) { a->output = v; return *v; }
static bool set_device(struct arguments *a, const char *v) { a->device = v; return *v; }
static bool set_only(struct arguments *a, const char *v) { a->only = v; return *v; }
static bool set_audition(struct arguments *a, const char *v) {
  a->render.audition = v;
  return *v;
}
static bool set_golden(struct arguments *a, const char *v) { a->render.golden = v; return *v; }
static bool set_manifest(struct arguments *a, const char *v) { a->manifest = v; return *v; }
static bool set_junit(struct arguments *a, const char *v) { a->junit = v; return *v; }
static bool set_quick(struct arguments *a, const char *v) { (void)v; return a->quick = true; }
static bool set_dry_run(struct arguments *a, const char *v) { (void)v; return a->dry_run = true; }
static bool set_json(struct arguments *a, const char *v) { (void)v; return a->json = true; }
static bool set_quiet(struct arguments *a, const char *v) { (void)v; return a->quiet = true; }
static bool set_help(struct arguments *a, const char *v) { (void)v; return a->help = true; }
static bool set_force(struct arguments *a, const char *v) {
  (void)v;
  return a->render.force = true;
}
static bool set_fail_fast(struct arguments *a, const char *v) {
  (void)v;
  return a->render.fail_fast = true;
}
static bool set_verify(struct arguments *a, const char *v) {
  static const char *const tiers[] = {"full", "sample", "golden", "off"};
  for (int i = 0; i < 4; i++)
    if (!strcmp(v, tiers[i])) {
      a->render.tier = (enum verify_tier)i;
      return true;
    }
  return false;
}
static bool set_check_loudness(struct arguments *a, const char *v) {
  a->render.check_loudness_of_all = !strcmp(v, "all");
  return a->render.check_loudness_of_all || !strcmp(v, "sample");
}
static bool whole_number(const char *v, int most, int *out) {
  char *end;
  const long n = strtol(v, &end, 10);
  if (end == v || *end || n < 1 || n > most) return false;
  *out = (int)n;
  return true;
}
static bool set_shards(struct arguments *a, const char *v) {
  return whole_number(v, MOST_SHARDS, &a->plan_shards);
}
static bool set_shard(struct arguments *a, const char *v) {
  const char *slash = strchr(v, '/');
  char first[16] = "";
  if (!slash || slash - v >= (int)sizeof first) return false;
  if (!whole_number(slash + 1, MOST_SHARDS, &a->n_shards)) return false;
  memcpy(first, v, (size_t)(slash - v));
  return whole_number(first, a->n_shards, &a->shard);
}
static bool set_jobs(struct arguments *a, const char *v) {
  return whole_number(v, 1024, &a->render.jobs);
}
static bool set_lanes(struct arguments *a, const char *v) {
  return whole_number(v, MAX_LANES, &a->render.lanes);
}
static bool set_memory(struct arguments *a, const char *v) {
  static const char units[] = "KMGT";
  char *end;
  const double n = strtod(v, &end);
  const char *unit = *end ? strchr(units, *end) : NULL;
  if (end == v || !(n > 0) || (*end && (!unit || end[1]))) return false;
  const double bytes = n * (double)(INT64_C(1) << (unit ? 10 * (unit - units + 1) : 0));
  if (bytes < 1 || bytes > 9e18) return false;
  a->render.memory_bytes = (int64_t)bytes;
  return true;
}
static bool set_progress(struct arguments *a, const char *v) {
  for (int i = 0; progress_names[i]; i++)
    if (!strcmp(v, progress_names[i])) {
      a->progress = (enum progress_mode)i;
      return true;
    }
  return false;
}
static bool set_segment(struct arguments *a, const char *v) {
  return whole_number(v, 1 << 20, &a->render.segment_blocks);
}
static bool decibels(const char *v, bool negative, double *out) {
  char *end;
  *out = strtod(v, &end);
  return end != v && !*end && isfinite(*out) && (negative || *out >= 0);
}
static bool set_max_residual(struct arguments *a, const char *v) {
  return decibels(v, true, &a->limits.residual_db);
}
static bool set_max_lufs(struct arguments *a, const char *v) {
  return decibels(v, false, &a->limits.lufs);
}
static bool set_max_true_peak(struct arguments *a, const char *v) {
  return decibels(v, false, &a->limits.true_peak_db);
}
static bool set_max_band(struct arguments *a, const char *v) {
  return decibels(v, false, &a->limits.band_db);
}

static bool add_word(const char **words, int *n, const char *v) {
  if (*n < MOST_WORDS) words[(*n)++] = v;
  else return false;
  return *v;
}
static bool set_layout(struct arguments *a, const char *v) { a->layout = v; return *v; }
static bool set_companion(struct arguments *a, const char *v) {
  return add_word(a->companions, &a->n_companions, v);
}
static bool set_qc_limit(struct arguments *a, const char *v) {
  return add_word(a->qc_limits, &a->n_qc_limits, v);
}

static const struct option_row options[] = {
    {RENDER, "output", 'o', "DIR", "folder of the deliverables (default: rendered)", set_output},
    {RENDER | VERIFY, "device", 'd', "SPEC",
     "auto, cpu, index:N, uuid:HEX or pci:ADDRESS (default: auto)", set_device},
    {RENDER | VERIFY, "verify", 'V', "TIER", "full, sample, golden or off (default: sample)",
     set_verify},
    {RENDER, "golden", 0, "DIR",
     "folder of the receipts for --verify golden (default: the output folder)", set_golden},
    {RENDER, "check-loudness", 0, "WHICH", "deliverables that libebur128 measures, too: all, or "
     "sample, one in eight (default: sample; all with --verify full)", set_check_loudness},
    {RENDER, "audition", 0, "DIR", "write source and deliverable at one loudness, and residuals, "
     "of every unit that is rendered", set_audition},
    {RENDER, "only", 0, "N[:VARIANT]", "render one track, or one of its variants", set_only},
    {RENDER, "shard", 0, "I/N", "render the I-th of N parts of about the same length; I from 1",
     set_shard},
    {PLAN, "shards", 0, "N", "plan for N shards (default: any number)", set_shards},
    {RENDER, "dry-run", 'n', NULL, "print the plan, render nothing", set_dry_run},
    {RENDER, "force", 'f', NULL,
     "render again what is up to date; replace files without a receipt", set_force},
    {RENDER, "fail-fast", 0, NULL, "stop at the first failure", set_fail_fast},
    {VERIFY | REPORT, "manifest", 0, "FILE",
     "manifest of the receipts (default: the one that they name)", set_manifest},
    {VERIFY, "quick", 0, NULL, "hash the files, render nothing", set_quick},
    {COMPARE, "max-residual", 0, "DBFS", "highest peak of the difference, such as -90",
     set_max_residual},
    {COMPARE, "max-lufs", 0, "LU", "largest difference of integrated loudness", set_max_lufs},
    {COMPARE, "max-true-peak", 0, "DB", "largest difference of true peak", set_max_true_peak},
    {COMPARE, "max-band", 0, "DB", "largest difference of an octave's level (below -100 dBFS: "
     "none)", set_max_band},
    {QC, "companion", 0, "STEREO", "stereo file of the one FILE: do they run together? (several "
     "times: several)", set_companion},
    {QC, "layout", 0, "NAME", "of files that do not say theirs, such as 7.1.4", set_layout},
    {QC, "limit", 0, "NAME=VALUE", "another limit of a rule, such as loudness=-16 or clipped=off "
     "(several times: several)", set_qc_limit},
    {VERIFY | COMPARE | QC, "junit", 0, "FILE", "write the result as JUnit XML, too", set_junit},
    {RENDER | VERIFY | COMPARE | REPORT | QC, "jobs", 'j', "N",
     "worker threads, 1 to 1024 (default: one per core)", set_jobs},
    {RENDER | VERIFY, "memory", 0, "SIZE", "of this machine, for all tracks at once, such as 8G "
     "(default: three quarters); one that alone needs more runs alone", set_memory},
    {RENDER | VERIFY, "lanes", 0, "N", "tracks side by side on a Vulkan device (1 to 256)",
     set_lanes},
    {RENDER | VERIFY, "segment", 0, "N",
     "blocks of 2048 frames at a time, 1 to 1048576; no effect on the result", set_segment},
    {ANY & ~OTHER, "json", 0, NULL, "JSON Lines on standard output", set_json},
    {RENDER, "progress", 0, "KIND", "auto, line, lines, json or off, on standard error (default: "
     "a line on a terminal, else lines)", set_progress},
    {ANY & ~OTHER & ~ANALYZE, "quiet", 'q', NULL,
     "only warnings and errors, and of compare and report no line of what is well", set_quiet},
    {ANY, "help", 'h', NULL, "print this", set_help},
    {0},
};

/* ---- commands ---- */

struct run { /* of the render command */
  const struct arguments *arguments;
  const struct plan *plan;
  struct interrupts *interrupts;
  double start;
};

static int complain(const struct failure *why) {
  fprintf(stderr, "lacquer: %s\n", why->text);
  return why->status;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A signal ends the program at once: files in the making go. */
static void abandon(void *context) {
  const struct run *run = context;
  deliver_drop_temporaries(run->plan, run->arguments->render.audition);
}

/* Renders on an open device, and reports. */
static int render_and_report(const struct run *run, const struct device *device) {
  const struct arguments *a = run->arguments;
  const struct plan *plan = run->plan;
  struct failure why = {0};
  struct unit_result *results = memory_new((size_t)plan->n_units + 1, sizeof *results);
  struct render_options how = a->render;
  struct progress *progress =
      progress_create(a->quiet ? PROGRESS_OFF : a->progress, plan->n_units, stderr);
  struct reporter reporter = {plan, progress, a->json ? stdout : NULL, 0};
  const struct render_watch watch = {report_unit, report_track, &reporter};
  how.interrupts = run->interrupts;
  int status = render_plan(plan, device, &how, results, &watch);
  progress_destroy(&progress);
  if (!a->quiet) report_table(plan, results, stderr);
  const double seconds = now() - run->start;
  if (report_write(plan, results, device, seconds, &why) ||
      failed_write(plan, results, &why)) {
    complain(&why);
    if (!status) status = (int)why.status;
  }
  if (!a->quiet)
    fprintf(stderr, "\n%d files in %s (%.1f s)\n", plan->n_units, plan->folder, seconds);
  free(results);
  return status;
}

static int render_on_device(const struct run *run) {
  const struct arguments *a = run->arguments;
  struct failure why = {0};
  struct device device;
  int status;
  if (device_open(a->device, &device, &why)) return complain(&why);
  if (make_folders(run->plan->folder, &why)) {
    status = complain(&why);
  } else {
    deliver_clean_folders(run->plan, a->render.audition);
    if (*device.note && !a->quiet) fprintf(stderr, "lacquer: %s\n", device.note);
    if (!a->quiet) fprintf(stderr, "device: %s (%s)\n", device.engine.name, device.engine.driver);
    status = render_and_report(run, &device);
  }
  device_close(&device);
  return status;
}

/* A signal that ended the render early is passed on as a shell expects it. */
static int render_interruptibly(const struct arguments *a, const struct plan *plan) {
  struct run run = {.arguments = a, .plan = plan, .start = now()};
  run.interrupts = interrupts_begin(abandon, &run);
  const int status = render_on_device(&run);
  const int signal_number = interrupts_end(&run.interrupts);
  if (signal_number == SIGINT) {
    fflush(stdout);
    signal(SIGINT, SIG_DFL);
    raise(SIGINT);
  }
  return status;
}

static int command_render(const struct arguments *a) {
  struct order order;
  struct plan *plan;
  struct failure why = {0};
  int status = order_open(a->files[0], a->shard, a->n_shards, stderr, &order);
  if (status) return status;
  const struct plan_part part = {a->only, order.tracks, a->shard, a->n_shards};
  if (plan_create_part(order.manifest, a->output, &part, &plan, &why)) {
    status = complain(&why);
  } else if (order.units.n && failed_keep(plan, &order.units, a->only, &why)) {
    status = complain(&why);
    plan_destroy(&plan);
  } else {
    status = a->dry_run ? plan_print(plan, a->json ? NULL : stdout, a->json ? stdout : NULL)
                        : render_interruptibly(a, plan);
    plan_destroy(&plan);
  }
  order_close(&order);
  return status;
}

static int command_plan(const struct arguments *a) {
  return order_plan(a->files[0], a->plan_shards, stdout, a->quiet ? NULL : stderr, stderr);
}

static int command_verify(const struct arguments *a) {
  const struct verify_options how = {a->manifest, a->device, a->junit, a->quick,
                                     a->json,     a->quiet,  a->render};
  return verify_run(a->files[0], &how, stdout);
}

static int command_compare(const struct arguments *a) {
  const struct compare_options how = {a->limits, a->render.jobs, a->json, a->quiet, a->junit};
  return compare_run(a->files[0], a->files[1], &how, stdout);
}

static int command_report(const struct arguments *a) {
  const struct report_merge_options how = {a->manifest, a->render.jobs, a->json, a->quiet};
  return report_merge(a->files, a->n_files, &how, stdout);
}

static int command_analyze(const struct arguments *a) {
  return analyze_files(a->files, a->n_files, a->json, stdout, stderr);
}

static int command_qc(const struct arguments *a) {
  const struct qc_options how = {a->companions, a->n_companions, a->qc_limits, a->n_qc_limits,
                                 a->layout,    a->render.jobs, a->json, a->quiet, a->junit};
  return qc_run(a->files, a->n_files, &how, stdout);
}

static int command_devices(const struct arguments *a) { return device_list(stdout, a->json); }

static int command_schema(const struct arguments *a) {
  (void)a;
  return manifest_write_schema(stdout);
}

static int command_version(const struct arguments *a) {
  (void)a;
  printf("lacquer " LACQUER_VERSION "\nengine %s\nspirv  %s\n", lacquer_engine_hash,
         lacquer_spirv_hash);
  return STATUS_OK;
}

static int command_help(const struct arguments *a);

static const struct command {
  int bit; /* of its options */
  const char *name, *files;
  int least, most; /* files */
  const char *needs, *help;
  int (*run)(const struct arguments *);
} commands[] = {
    {RENDER, "render", "MANIFEST", 1, 1, "one manifest",
     "render every track and variant of a manifest, or of a plan", command_render},
    {PLAN, "plan", "MANIFEST", 1, 1, "one manifest",
     "print a frozen plan (JSON Lines), to be rendered as it is or not at all", command_plan},
    {VERIFY, "verify", "DIR", 1, 1, "one folder",
     "render again what DIR has receipts of: the same samples?", command_verify},
    {COMPARE, "compare", "A B", 2, 2, "two folders, or two files",
     "what differs between two renders, the worst first", command_compare},
    {REPORT, "report", "DIR...", 1, INT_MAX, "a folder",
     "receipts and reports of all runs and shards as one", command_report},
    {ANALYZE, "analyze", "FILE...", 1, INT_MAX, "a file",
     "what audio files are, immersive masters with beds, objects and profile", command_analyze},
    {QC, "qc", "FILE...", 1, INT_MAX, "a file or folder",
     "immersive files, or those of a folder, by delivery rules; does stereo run with them?",
     command_qc},
    {DEVICES, "devices", "", 0, 0, "", "list devices, each with the result of its self-test",
     command_devices},
    {OTHER, "schema", "", 0, 0, "", "print the manifest's JSON Schema", command_schema},
    {OTHER, "version", "", 0, 0, "", "print version and engine hashes", command_version},
    {OTHER, "help", "", 0, 0, "", "print this", command_help},
    {0},
};

/* " [render verify]" */
static void takers(const struct option_row *o, char text[64]) {
  size_t used = 0;
  for (const struct command *c = commands; c->name; c++)
    if (c->bit & o->commands)
      used += (size_t)snprintf(text + used, 64 - used, "%s%s", used ? " " : " [", c->name);
  snprintf(text + used, 64 - used, "]");
}

/* Those that any of the commands takes; of all commands, with their names. */
static void print_options(FILE *out, int commands_asked) {
  fprintf(out, "\noptions:\n");
  for (const struct option_row *o = options; o->name; o++) {
    char text[64], commands_text[64] = "";
    if (!(o->commands & commands_asked)) continue;
    snprintf(text, sizeof text, "--%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
    if (commands_asked == ANY && o->commands != ANY) takers(o, commands_text);
    fprintf(out, "  %c%c %-22s %s%s\n", o->letter ? '-' : ' ', o->letter ? o->letter : ' ', text,
            o->help, commands_text);
  }
}

/* `one`: NULL: of all commands. */
static void print_help(FILE *out, const struct command *one) {
  fprintf(out, "lacquer: batch mastering with the same bits on every device\n\nusage:\n");
  for (const struct command *c = commands; c->name; c++)
    if (!one || one == c) fprintf(out, "  lacquer %-8s %-9s %s\n", c->name, c->files, c->help);
  print_options(out, one ? one->bit : ANY);
  if (!one || one->bit == RENDER)
    fprintf(out, "\nDIR/failed.yaml lists what failed; it can be rendered like a manifest.\n"
            "\nsignals: SIGINT finishes what is in hand, then ends the program; a second one,\n"
            "SIGTERM and SIGHUP end it at once, and nothing unfinished is left. SIGUSR1 finishes\n"
            "what is in hand; then the status is 75 if that was not all.\n");
  fprintf(out, "\nexit status: 0 delivered, up to date or equal, 1 some units failed or differ,\n"
          "64 usage, 65 bad manifest or audio, 66 missing input, 69 no usable device, 73\n"
          "cannot create, 74 input/output error, 75 interrupted or transient: run it again\n");
}

static int command_help(const struct arguments *a) {
  (void)a;
  print_help(stdout, NULL);
  return STATUS_OK;
}

/* ---- parsing ---- */

static int usage(const char *format, const char *what) {
  fprintf(stderr, "lacquer: ");
  fprintf(stderr, format, what);
  fprintf(stderr, " (see lacquer help)\n");
  return STATUS_USAGE;
}

enum { MANY = 32, FIRST_VALUE = 256 };

/* `word`: the one that getopt read last; a letter among others is in optopt instead. */
static int unknown_option(const char *word) {
  const char letter[] = {'-', (char)optopt, 0};
  if (optopt >= FIRST_VALUE) return usage("%s: this option takes no value", word);
  return usage("unknown option %s", optopt ? letter : word);
}

static int wrong_files(const struct command *c) {
  fprintf(stderr, "lacquer: %s %s%s (see lacquer help)\n", c->name,
          c->most ? "needs " : "takes no file", c->needs);
  return STATUS_USAGE;
}

static int parse(int argc, char **argv, const struct command *command, struct arguments *a) {
  struct option longs[MANY] = {0};
  char shorts[2 * MANY + 2] = ":";
  int n = 0;
  for (; options[n].name; n++) {
    const char letter[3] = {options[n].letter, options[n].value ? ':' : 0, 0};
    longs[n] = (struct option){options[n].name, options[n].value ? 1 : 0, NULL, FIRST_VALUE + n};
    if (options[n].letter) strcat(shorts, letter);
  }
  opterr = 0;
  for (int c; (c = getopt_long(argc, argv, shorts, longs, NULL)) != -1;) {
    if (c == ':') return usage("%s needs a value", argv[optind - 1]);
    if (c == '?') return unknown_option(argv[optind - 1]);
    int row = c - FIRST_VALUE;
    for (int i = 0; c < FIRST_VALUE && i < n; i++)
      if (options[i].letter == c) row = i;
    if (!(options[row].commands & command->bit)) {
      fprintf(stderr, "lacquer: %s takes no --%s (see lacquer %s --help)\n", command->name,
              options[row].name, command->name);
      return STATUS_USAGE;
    }
    if (!options[row].set(a, optarg)) {
      fprintf(stderr, "lacquer: --%s %s: expected %s: %s\n", options[row].name, optarg,
              options[row].value, options[row].help);
      return STATUS_USAGE;
    }
  }
  a->n_files = argc - optind;
  a->files = argv + optind;
  return STATUS_OK;
}

int main(int argc, char **argv) {
  struct arguments a = {.output = "rendered", .device = "auto",
                        .limits = COMPARE_NO_LIMITS,
                        .render = {.tier = VERIFY_SAMPLE}};
  signal(SIGXFSZ, SIG_IGN); /* a file-size limit is a write error */
  signal(SIGPIPE, SIG_IGN);
#ifdef M_MMAP_THRESHOLD
  mallopt(M_MMAP_THRESHOLD, 4 << 20); /* a track's memory goes back when it is freed; */
  mallopt(M_TRIM_THRESHOLD, 16 << 20); /* buffers of a moment stay, and cost no new pages */
#endif
  setlocale(LC_CTYPE, "");
  if (argc < 2) {
    print_help(stderr, NULL);
    return STATUS_USAGE;
  }
  const char *name = argv[1];
  if (!strcmp(name, "--help") || !strcmp(name, "-h")) name = "help";
  if (!strcmp(name, "--version")) name = "version";
  for (const struct command *c = commands; c->name; c++) {
    if (strcmp(c->name, name)) continue;
    const int status = parse(argc - 1, argv + 1, c, &a);
    if (status) return status;
    if (a.help) print_help(stdout, c->bit == OTHER ? NULL : c);
    else if (a.n_files < c->least || a.n_files > c->most) return wrong_files(c);
    const int result = a.help ? STATUS_OK : c->run(&a);
    if (!fflush(stdout) && !ferror(stdout)) return result;
    fprintf(stderr, "lacquer: cannot write to standard output\n");
    return STATUS_IO;
  }
  return usage("unknown command %s", name);
}
