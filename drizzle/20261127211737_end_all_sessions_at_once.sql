ALTER TABLE "sessions" ADD COLUMN "epoch" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
-- The default comes after: added with the column, it would rewrite the table while nobody can read it.
ALTER TABLE "sessions" ADD COLUMN "csrf_token" uuid;--> statement-breakpoint
ALTER TABLE "sessions" ALTER COLUMN "csrf_token" SET DEFAULT gen_random_uuid();--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "session_epoch" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "sessions_ended_at" timestamp (3) with time zone;
