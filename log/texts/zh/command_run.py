"""What is told of the run of somebody's own command, in Chinese."""

TEXTS = {
    "command": "运行 {run_id}: 命令 {command}",
    "run_output": "命令的输出: {path}",
    "command_stop": "要求停止: 向命令发送 {signal}",
    "command_paused": "命令的所有进程已暂停（SIGSTOP）",
    "command_resumed": "命令的所有进程继续运行",
    "command_cannot": "这个命令不由 everybatch 控制，无法执行 {command}",
    "command_signal": "命令被信号 {signal} 终止",
    "command_exit": "命令以退出码 {code} 结束",
    "command_rank_lost": "命令以退出码 {code} 结束，rank {ranks} 没有留下任何说明",
    "ranks_settled": "警告: {world_size} 个进程中只有 {present} 个报告batch，以后只按这些统计",
    "garbage": "警告: 一个进程发来无法理解的数据，不再读取",
    "hook_failed": "警告: rank {rank} 的观察出错（{error}），不再观察；训练不受影响",
}
