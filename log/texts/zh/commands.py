"""What the commands say, and the mistakes of their users. In Chinese."""

TEXTS = {
    # the command line
    "commands": (
        "everybatch: 训练时看到每一个batch\n\n"
        "  everybatch train [参数]     训练（同 python src/train_ddp.py）\n"
        "  everybatch run CMD …        看你自己的训练命令的每一个batch\n"
        "  everybatch attach [RUN]     查看一次运行；离开后它继续训练\n"
        "  everybatch runs [--json]    列出全部运行\n"
        "  everybatch stop [RUN]       保存并停止一次运行\n"
        "  everybatch data DIR         训练之前，查看图像和掩码的内容和含义\n"
        "  everybatch analyze [RUN …]  分析一次或多次运行（同 python analyze_training.py）\n"
        "  everybatch predict [RUN] PICTURES …  用一次运行学到的模型为图像生成掩码\n\n"
        "RUN 是运行的编号、编号的开头或路径；省略时为最新的一次。\n"
        "everybatch COMMAND --help 说明一个命令并列出它的参数。"
    ),
    "column_run": "运行",
    "column_state": "状态",
    "column_task": "任务",
    "column_ranks": "进程",
    "column_started": "开始时间",
    "column_folder": "目录",
    "state_starting": "启动中",
    "state_running": "训练中",
    "state_validating": "验证中",
    "state_paused": "已暂停",
    "state_stopping": "停止中",
    "state_restarting": "重启中",
    "state_finished": "已完成",
    "state_stopped": "已停止",
    "state_failed": "失败",
    "state_lost": "丢失",
    "state_silent": "没有动静",
    "stage_importing": "正在导入 torch，检查任务和数据 …",
    "stop_asked_foreign": "已要求运行 {run}（{folder}）停止；如果没有停，请再要求一次",
    "stop_sent": "运行 {run}（{folder}）将在当前batch结束后保存并停止",
    "not_taken": "命令没有被接受: {reason}",
    "monitor_killed": "监视界面被 {signal} 终止；训练继续，用 everybatch attach {run} 回来",
    "no_terminal": "这里没有终端，无法显示监视界面；日志: {path}",
    "run_elsewhere": "运行 {run} 在另一台机器 {host} 上进行，命令要在那里输入",
    "not_live": "运行 {run} 的状态是{state}，无法停止",
    "no_runs": "还没有任何运行；用 everybatch train 开始",
    "os_error": "{path}: {reason}",
    "no_temporary_folder": "没有可以写入的临时目录（{reason}）；请用 TMPDIR 指定一个",
    "no_folder": "当前目录已不存在；请先 cd 到另一个目录",
    "no_such_run": "没有编号以 {run} 开头的运行；用 everybatch runs 查看全部",
    "no_run_at": "{path} 中没有运行",
    "no_journal": "无法读取这次运行的记录 {path}（{reason}）",
    "many_runs": "{run} 对应多次运行: {runs}",
    "help_usage": "用法: {usage}",
    "help_usage_alike": "用法: {usage}   （--log_interval 与 --log-interval 写法相同）",
    "help_flags": "[参数]",
    "help_unknown": "未知",
    "help_default": "默认 {value}",
    # mistakes of the user
    "usage": "错误: {problem}",
    "unknown_flag": "未知参数 {flag}（用 {command} --help 查看全部参数）",
    "unknown_flag_near": "未知参数 {flag}，是否想用 {near}？",
    "missing_value": "{flag} 缺少值",
    "bad_value": "{flag}: 不能使用 {value}（应为 {expected}）",
    "help_attach": (
        "在这个终端里查看一次运行；离开后（q，再按 d）它继续训练。\n"
        "RUN 是运行的编号、编号的开头或路径；省略时为最新的一次，本目录的和正在训练的优先。"
    ),
    "help_stop": (
        "让一次运行在当前batch之后保存并停止。\n"
        "RUN 是运行的编号、编号的开头或路径；省略时为最新的一次，本目录的和正在训练的优先。"
    ),
    "help_runs": "列出所有已知的运行，最新的在最后。",
    "one_run": "{command} 只能带一个运行，不能带多个（{runs}）",
    "bad_arguments": "无法理解这些参数（用 {command} --help 查看全部参数）",
    "unknown_command": "未知命令 {command}，可用: {commands}",
    "at_least": "{flag}: 必须不小于 {least}，收到的是 {value}",
    "positive": "{flag}: 必须是大于0的有限数值，收到的是 {value}",
    "not_negative": "{flag}: 必须是不小于0的有限数值，收到的是 {value}",
    "task_hidden": (
        "--task: 无法导入 {task}（{reason}）；{files} 与Python或依赖库的模块同名，导入的是后者，请改名"
    ),
    "other_launcher": (
        "这是 {launcher} 启动的多个进程之一（{variables}）；everybatch 自己启动各rank: "
        "不用 {launcher}，只启动一次，用 --nproc 指定进程数"
    ),
    "no_cuda": "--device: 这台机器没有可用的CUDA设备；请用 --device cpu 或 --device auto",
    "too_few_gpus": "--nproc: {nproc} 个进程多于 {gpus} 个GPU；请用 --nproc {gpus} 或更少",
    "output_dir": "--output_dir: 无法写入 {path}（{reason}）",
    "resume_live": "--resume: 运行 {run} 还在进行；用 everybatch attach {run} 查看",
    "resume_elsewhere": (
        "--resume: 运行 {run} 可能还在 {host} 上进行（{seconds} 秒前还有动静，从这里无法确定）；"
        "要接管它，请加 --take_over"
    ),
    "resume_finished": "--resume: 运行 {run} 已完成全部 {epochs} 个epoch；要继续请增大 --epochs",
    "resume_differs": "--resume: 与运行 {run} 的检查点不符: {changes}",
    "resume_damaged": "--resume: {path} 无法使用（{reason}）",
    "resume_model": "检查点不属于这个模型（{reason}）",
    "save_every": "--save_every: 不能使用 {value}（应为 5、5epochs 或 500batches）",
    "internal": "everybatch 内部错误: {message}",
    "epochs_or_steps": "--epochs 和 --steps 只能给一个",
    "command_missing": "run 后面需要一个命令，例如 everybatch run python train.py",
    "command_unknown": "找不到命令 {command}",
    "command_not_executable": "{command} 没有执行权限（chmod +x，或在前面写出解释器）",
}
